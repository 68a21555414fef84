/** Tests of tfjs-core that fail on our webgpu backend, and why that is right or cannot be helped. */
export const knownFailures: Readonly<Record<string, string>> = {
  'fromPixels, mock canvas > accepts a canvas-like element':
    'Node has no canvas that a GPU could read pixels from',
  'fromPixels, mock canvas > accepts a canvas-like element, numChannels=4':
    'Node has no canvas that a GPU could read pixels from',
  'avgPool > gradient x=[3,3,1] f=[3,3] s=1 p=explicit':
    'divides by the whole window, although the average itself is one of the elements that are there',
  'gradients > errors if relevant ops are missing grads':
    'takes logicalAnd for an operation without a gradient; here it has one, of zeros, as every comparison',
  'gather > fills with zero when index is out of bound':
    'asks webgpu for zeros where the test before it asks for an error; here indices that can be seen are refused',
  'tan > numbers exceed float32 precision':
    'one of seven is one unit in the last place off, beside a pole (30144.1738 for 30144.1758)',
  'einsum > 2d matrix calculate trace: duplicate axes not implemented yet':
    'asks for an error where einsum here gives the trace',
};
