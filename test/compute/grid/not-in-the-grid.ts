/** Kernels without an entry in the grid, each with the reason. */
const suite =
  "their inputs are lists, strings or boxes; tfjs-core's own tests check them on our webgpu backend";

export const elsewhere: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'CropAndResize',
      'NonMaxSuppressionV3',
      'NonMaxSuppressionV4',
      'NonMaxSuppressionV5',
      'RaggedGather',
      'RaggedRange',
      'RaggedTensorToTensor',
      'RotateWithOffset',
      'SparseFillEmptyRows',
      'SparseReshape',
      'StaticRegexReplace',
      'StringNGrams',
      'StringSplit',
      'StringToHashBucketFast',
      'Transform',
    ].map((kernel) => [kernel, suite]),
  ),
  Multinomial:
    'draws at random: each backend has its own generator, so that only its frequencies could be compared',
  Draw: 'paints on the canvas of a browser',
  FromPixels: 'reads from the canvas of a browser',
};
