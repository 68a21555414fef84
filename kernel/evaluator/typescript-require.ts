/** Lets `require` load the user's TypeScript: compiled when it is loaded, as a module of CommonJS. */
import Module from 'node:module';
import { compileRequired, isUserTypeScript, typescriptExtensions } from './user-module.js';

type Loader = (module: CompilingModule, filename: string) => void;
type CompilingModule = NodeJS.Module & { _compile(code: string, filename: string): void };

export function installTypeScriptRequire(): void {
  // Documented as `require.extensions`.
  const { _extensions: loaders } = Module as unknown as { _extensions: Record<string, Loader> };
  for (const extension of typescriptExtensions) {
    const load = loaders[extension] ?? loaders['.js']!;
    loaders[extension] = (module, filename) => {
      if (isUserTypeScript(filename)) module._compile(compileRequired(filename), filename);
      else load(module, filename);
    };
  }
}
