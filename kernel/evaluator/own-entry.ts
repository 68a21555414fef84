/** The URL of this package's library, for notebooks outside any project that has it installed. */
import { builtFile } from '../language/own-package.js';

export const ownEntry = builtFile('src', 'index.js').href;
