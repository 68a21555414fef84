/** The operations of golden cases by name. A new component is one entry in its file of `operations/`. */
import { activationOperations } from './operations/activation.js';
import { attentionOperations } from './operations/attention.js';
import { expertOperations } from './operations/experts.js';
import { fineTuningOperations } from './operations/fine-tuning.js';
import { formatOperations } from './operations/formats.js';
import { lossOperations } from './operations/loss.js';
import { metricOperations } from './operations/metrics.js';
import { normalizationOperations } from './operations/normalization.js';
import type { Operation } from './operations/operation.js';
import { optimizerOperations } from './operations/optimizer.js';
import { positionOperations } from './operations/position.js';

export const operations: Readonly<Record<string, Operation>> = {
  ...activationOperations,
  ...attentionOperations,
  ...expertOperations,
  ...fineTuningOperations,
  ...formatOperations,
  ...lossOperations,
  ...metricOperations,
  ...normalizationOperations,
  ...optimizerOperations,
  ...positionOperations,
};
