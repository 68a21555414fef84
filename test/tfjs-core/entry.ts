/** What is bundled: the tests that tfjs-core publishes (all of them, under the name `tfjs-core-tests`) and our backend. */
import './environment.js';
// @ts-expect-error A name that only the bundler resolves.
import 'tfjs-core-tests';

export { environment } from './environment.js';
