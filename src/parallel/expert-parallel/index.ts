/** Expert parallelism: experts over ranks, tokens to their experts and back. */

export { combine, dispatch } from './dispatch.js';
export {
  type ExpertShards,
  type ParallelExpertOptions,
  parallelMixtureOfExperts,
} from './mixture-of-experts.js';
export { ownExperts, planRoutes, type Routes } from './routes.js';
