/** The URL of this package's library, for notebooks outside any project that has it installed. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../language/own-package.js';

export const ownEntry = pathToFileURL(join(packageRoot, 'dist', 'src', 'index.js')).href;
