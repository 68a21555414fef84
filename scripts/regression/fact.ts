/** What golden files are made of: JSON, with long arrays of numbers as a `NumbersFact`. */
export type Fact = null | boolean | number | string | Fact[] | { [key: string]: Fact };
