/** Sizes in bytes as people write and read them: 512MiB, 2 GiB. */

const units: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Bytes; undefined where the text is no size with a unit. */
export function parseBytes(text: string): number | undefined {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(text) ?? [];
  const factor = units[unit?.toLowerCase() ?? ''];
  return number === undefined || factor === undefined ? undefined : Math.round(Number(number) * factor);
}

/** In the largest binary unit that gives 1 or more, with at most one decimal place: "2 GiB", "1.5 MiB". */
export function formatBytes(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let power = 0;
  while (power < names.length - 1 && bytes >= 2 ** (10 * (power + 1))) power++;
  return `${Number((bytes / 2 ** (10 * power)).toFixed(1))} ${names[power]}`;
}
