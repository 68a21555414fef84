/** Variables of the environment that the user's thread reads; those that it has set itself are its own. */
import { createHash } from 'node:crypto';
import { isOwnVariable } from './observation.js';
import type { Record } from './record.js';

export function observeEnvironment(record: Record): void {
  const real = process.env;
  const set = new Set<string>();
  const note = (name: string | symbol) => {
    if (typeof name === 'string' && !set.has(name) && !isOwnVariable(name))
      record.add(['variable', name, hashOfValue(real[name])]);
  };
  const env = new Proxy(real, {
    get(target, name) {
      note(name);
      return Reflect.get(target, name);
    },
    has(target, name) {
      note(name);
      return Reflect.has(target, name);
    },
    getOwnPropertyDescriptor(target, name) {
      note(name);
      return Reflect.getOwnPropertyDescriptor(target, name);
    },
    set(target, name, value) {
      set.add(String(name));
      return Reflect.set(target, name, value);
    },
    deleteProperty(target, name) {
      set.add(String(name));
      return Reflect.deleteProperty(target, name);
    },
    ownKeys(target) {
      const names = Reflect.ownKeys(target);
      record.add(['variables', namesHash(names.filter((name) => !set.has(String(name))))]);
      return names;
    },
  });
  Object.defineProperty(process, 'env', { value: env, writable: true, enumerable: true, configurable: true });
}

/** What stands for the value of a variable, which may be a secret. */
export function hashOfValue(value: string | undefined): string {
  return value === undefined ? 'unset' : createHash('sha256').update(value).digest('hex').slice(0, 32);
}

/** Stands for the names of an environment. */
export function namesHash(names: readonly (string | symbol)[]): string {
  const own = names.map(String).filter((name) => !isOwnVariable(name));
  return hashOfValue(JSON.stringify(own.sort()));
}
