/** The engine as a process of its own: `node engine-process.js FOLDER`. */
import { serveEngine } from './serve-engine.js';

serveEngine(process.argv[2] ?? process.cwd());
