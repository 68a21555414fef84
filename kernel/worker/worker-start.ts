/**
 * Where the protocol worker begins. The engine's process takes the longest until it is ready, so it is started first; the
 * sockets and the rest are loaded meanwhile.
 */
import './worker-engine.js';

void import('./worker.js');
