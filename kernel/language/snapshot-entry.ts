/**
 * What a start-up snapshot is made of: the compiler, loaded, and the libraries every notebook uses, parsed and bound. `node
 * --build-snapshot` runs this file, bundled (`build-snapshot.ts`); a process started from the snapshot goes on in
 * the main function, with its own arguments, folder and environment. Its argument is the folder of the
 * project whose types of Node it has, or of this package.
 */
import { startupSnapshot } from 'node:v8';
import ts from 'typescript';
import { CheckerEngine } from './checker-engine.js';
import { checkedEngine } from './create-engine.js';
import { keepFilesOf } from './kept-files.js';
import { serveEngine } from './serve-engine.js';

// The first engine reads the library's declarations, which not every notebook imports; the second one is what notebooks
// begin with. The cell is wrong on purpose: a right one would be compiled by a native module, which no snapshot can hold.
const cwd = process.argv[2]!;
const prepared = keepFilesOf(() => {
  new CheckerEngine({ cwd }).compile(
    'import { tf } from "kernelbook"; const f = (a: Map<string, tf.Tensor>) => [1, 2].map((x) => x * a.size); f(1)',
    { count: 0 },
  );
  return checkedEngine({ cwd });
});
startupSnapshot.setDeserializeMainFunction(() => {
  // The compiler remembers the folder in which it was first asked.
  ts.sys.getCurrentDirectory = () => process.cwd();
  serveEngine(process.argv[2] ?? process.cwd(), prepared);
});
