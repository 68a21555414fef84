export { type MatmulOptions, matmul, matmulOracle } from './matmul.js';
