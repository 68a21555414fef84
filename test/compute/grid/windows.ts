/**
 * Operations with a window that moves over images and volumes, and their gradients: those of a reference are its central
 * differences in float64, exact for what is linear in pieces.
 */
import { tf } from '../../../src/compute/tf.js';
import {
  at,
  build,
  type GridCase,
  positionOf,
  sample,
  sizeOf,
  tensor,
  type Values,
  withElements,
} from './case.js';

interface Window {
  readonly size: number[];
  readonly stride: number;
  readonly dilation: number;
  readonly pad: 'same' | 'valid';
}

type Visit = (outside: boolean, x: (channel: number) => number, tap: number[]) => void;

/** Extents of the result and a walk over the taps of one place of it; x is [batch, ...space, channel]. */
function slide(x: Values, { size, stride, dilation, pad }: Window) {
  const space = x.shape.slice(1, -1);
  const reach = size.map((extent) => (extent - 1) * dilation + 1);
  const out = space.map((extent, axis) =>
    pad === 'same' ? Math.ceil(extent / stride) : Math.ceil((extent - reach[axis]! + 1) / stride),
  );
  const before = space.map((extent, axis) =>
    pad === 'same' ? Math.floor(Math.max(0, (out[axis]! - 1) * stride + reach[axis]! - extent) / 2) : 0,
  );
  const walk = (batch: number, place: number[], visit: Visit) => {
    for (let flat = 0; flat < sizeOf(size); flat++) {
      const tap = positionOf(flat, size);
      const where = place.map((p, axis) => p * stride - before[axis]! + tap[axis]! * dilation);
      const outside = where.some((index, axis) => index < 0 || index >= space[axis]!);
      visit(outside, (channel) => (outside ? 0 : at(x, [batch, ...where, channel])), tap);
    }
  };
  return { out, walk };
}

function convolution(x: Values, w: Values, window: Window): Values {
  const { out, walk } = slide(x, window);
  return build([x.shape[0]!, ...out, w.shape.at(-1)!], (p) => {
    let sum = 0;
    walk(p[0]!, p.slice(1, -1), (outside, value, tap) => {
      for (let c = 0; c < x.shape.at(-1)! && !outside; c++) sum += value(c) * at(w, [...tap, c, p.at(-1)!]);
    });
    return sum;
  });
}

function depthwise(x: Values, w: Values, window: Window): Values {
  const { out, walk } = slide(x, window);
  const multiplier = w.shape.at(-1)!;
  return build([x.shape[0]!, ...out, x.shape.at(-1)! * multiplier], (p) => {
    let sum = 0;
    const [c, m] = [Math.floor(p.at(-1)! / multiplier), p.at(-1)! % multiplier];
    walk(p[0]!, p.slice(1, -1), (outside, value, tap) => {
      if (!outside) sum += value(c) * at(w, [...tap, c, m]);
    });
    return sum;
  });
}

function pool(x: Values, window: Window, of: (xs: number[]) => number): Values {
  const { out, walk } = slide(x, window);
  return build([x.shape[0]!, ...out, x.shape.at(-1)!], (p) => {
    const seen: number[] = [];
    walk(p[0]!, p.slice(1, -1), (outside, value) => {
      if (!outside) seen.push(value(p.at(-1)!));
    });
    return of(seen);
  });
}

function dilation(x: Values, w: Values, window: Window): Values {
  const { out, walk } = slide(x, window);
  return build([x.shape[0]!, ...out, x.shape.at(-1)!], (p) => {
    let most = -Infinity;
    walk(p[0]!, p.slice(1, -1), (outside, value, tap) => {
      const sum = value(p.at(-1)!) + at(w, [...tap, p.at(-1)!]);
      if (!outside && sum > most) most = sum;
    });
    return most;
  });
}

const mean = (xs: number[]) => xs.reduce((a, b) => a + b, 0) / xs.length;
const most = (xs: number[]) => Math.max(...xs.filter((x) => !Number.isNaN(x)));

/** Central differences of the sum of dy * f(x). */
export function slope(f: (x: Values) => Values, x: Values, dy: Values): Values {
  const step = 2 ** -12;
  const objective = (n: number, delta: number) => {
    const moved = f(withElements(x, { [n]: x.data[n]! + delta }));
    return moved.data.reduce((sum, value, i) => sum + value * dy.data[i]!, 0);
  };
  return { ...x, data: x.data.map((_, n) => (objective(n, step) - objective(n, -step)) / (2 * step)) };
}

/** Elements all different, so that no maximum is a tie. */
const distinct = (shape: number[]): Values =>
  build(shape, (p) => {
    const flat = p.reduce((sum, index, axis) => sum * shape[axis]! + index, 0);
    return ((flat * 71 + 13) % 199) / 4 - 25;
  });

const activations: Record<string, (x: number) => number> = {
  linear: (x) => x,
  relu: (x) => Math.max(0, x),
  relu6: (x) => Math.min(6, Math.max(0, x)),
  elu: (x) => (x >= 0 ? x : Math.expm1(x)),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  leakyrelu: (x) => (x >= 0 ? x : 0.3 * x),
  prelu: (x) => x,
};

interface Family {
  readonly kernels: readonly [string, ...string[]];
  readonly inputs: Values[];
  readonly run: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly of: (...inputs: Values[]) => Values;
}

/** The values, those with a NaN among the inputs, and the gradient of each input that has a kernel of its own. */
function* cases({ kernels, inputs, run, of }: Family, name: string): Generator<GridCase> {
  const [kernel, ...gradients] = kernels;
  const tolerance = 1e-5;
  yield {
    kernel,
    name: `${kernel} ${name}`,
    run: () => run(...inputs.map(tensor)),
    expected: () => of(...inputs),
    tolerance,
  };
  // Whether a maximum over a window passes over NaN is open: cuDNN lets its caller choose, PyTorch returns it. tfjs does not.
  const odd = inputs.with(0, withElements(inputs[0]!, { 5: Number.NaN }));
  yield {
    kernel,
    name: `${kernel} ${name}, NaN`,
    run: () => run(...odd.map(tensor)),
    expected: () => of(...odd),
    tolerance,
  };
  for (const [which, gradient] of gradients.entries()) {
    const flow = () => sample(of(...inputs).shape, 'float32', 9);
    yield {
      kernel: gradient,
      name: `${gradient} ${name}`,
      run: () => tf.tidy(() => tf.grads((...xs) => run(...xs))(inputs.map(tensor), tensor(flow()))[which]!),
      expected: () => slope((x) => of(...inputs.with(which, x)), inputs[which]!, flow()),
      tolerance,
    };
  }
}

export function* windows(): Generator<GridCase> {
  for (const pad of ['same', 'valid'] as const) {
    for (const [stride, spread] of [
      [1, 1],
      [2, 1],
      [1, 2],
    ] as const) {
      const label = `${pad}, stride ${stride}, dilation ${spread}`;
      const window = (...size: number[]): Window => ({ size, stride, dilation: spread, pad });
      const image = sample([2, 5, 6, 3], 'float32', 1);
      for (const [kernel, size] of [
        ['3 x 2', [3, 2]],
        ['1 x 1', [1, 1]],
      ] as [string, [number, number]][]) {
        const w = sample([...size, 3, 4], 'float32', 2);
        const differentiable = spread === 1 ? ['Conv2DBackpropInput', 'Conv2DBackpropFilter'] : [];
        yield* cases(
          {
            kernels: ['Conv2D', ...differentiable],
            inputs: [image, w],
            run: (x, f) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, stride, pad, 'NHWC', spread),
            of: (x, f) => convolution(x!, f!, window(...size)),
          },
          `${kernel}, ${label}`,
        );
        for (const [activation, of] of Object.entries(activations)) {
          const [bias, slopes] = [sample([4], 'float32', 3), sample([4], 'float32', 4)];
          const extra = activation === 'prelu' ? { preluActivationWeights: tensor } : {};
          yield {
            kernel: 'FusedConv2D',
            name: `FusedConv2D ${kernel}, ${label}, ${activation}`,
            run: () =>
              tf.fused.conv2d({
                x: tensor(image) as tf.Tensor4D,
                filter: tensor(w) as tf.Tensor4D,
                strides: stride,
                pad,
                dilations: spread,
                bias: tensor(bias),
                activation: activation as 'relu',
                leakyreluAlpha: 0.3,
                ...(extra.preluActivationWeights && { preluActivationWeights: tensor(slopes) }),
              }),
            expected: () => {
              const plain = convolution(image, w, window(...size));
              return build(plain.shape, (p) => {
                const sum = at(plain, p) + at(bias, p);
                return activation === 'prelu' ? (sum < 0 ? sum * at(slopes, p) : sum) : of(sum);
              });
            },
            tolerance: 1e-5,
          };
        }
      }
      const each = sample([3, 2, 3, 2], 'float32', 2);
      yield* cases(
        {
          kernels:
            spread === 1
              ? [
                  'DepthwiseConv2dNative',
                  'DepthwiseConv2dNativeBackpropInput',
                  'DepthwiseConv2dNativeBackpropFilter',
                ]
              : ['DepthwiseConv2dNative'],
          inputs: [image, each],
          run: (x, f) => tf.depthwiseConv2d(x as tf.Tensor4D, f as tf.Tensor4D, stride, pad, 'NHWC', spread),
          of: (x, f) => depthwise(x!, f!, window(3, 2)),
        },
        label,
      );
      for (const [activation, of] of Object.entries(activations)) {
        const [bias, slopes] = [sample([6], 'float32', 3), sample([6], 'float32', 4)];
        yield {
          kernel: 'FusedDepthwiseConv2D',
          name: `FusedDepthwiseConv2D ${label}, ${activation}`,
          run: () =>
            tf.fused.depthwiseConv2d({
              x: tensor(image) as tf.Tensor4D,
              filter: tensor(each) as tf.Tensor4D,
              strides: stride,
              pad,
              dilations: spread,
              bias: tensor(bias),
              activation: activation as 'relu',
              leakyreluAlpha: 0.3,
              ...(activation === 'prelu' && { preluActivationWeights: tensor(slopes) }),
            }),
          expected: () => {
            const plain = depthwise(image, each, window(3, 2));
            return build(plain.shape, (p) => {
              const sum = at(plain, p) + at(bias, p);
              return activation === 'prelu' ? (sum < 0 ? sum * at(slopes, p) : sum) : of(sum);
            });
          },
          tolerance: 1e-5,
        };
      }
      const hills = distinct([2, 5, 6, 2]);
      const structure = sample([3, 2, 2], 'float32', 6);
      yield* cases(
        {
          kernels: ['Dilation2D', 'Dilation2DBackpropInput', 'Dilation2DBackpropFilter'],
          inputs: [hills, structure],
          run: (x, f) => tf.dilation2d(x as tf.Tensor4D, f as tf.Tensor3D, stride, pad, spread, 'NHWC'),
          of: (x, f) => dilation(x!, f!, window(3, 2)),
        },
        label,
      );
      if (spread > 1) continue;
      const volume = sample([1, 3, 4, 3, 2], 'float32', 1);
      yield* cases(
        {
          kernels: ['Conv3D', 'Conv3DBackpropInputV2', 'Conv3DBackpropFilterV2'],
          inputs: [volume, sample([2, 2, 2, 2, 3], 'float32', 2)],
          run: (x, f) => tf.conv3d(x as tf.Tensor5D, f as tf.Tensor5D, stride, pad),
          of: (x, f) => convolution(x!, f!, window(2, 2, 2)),
        },
        label,
      );
      yield* cases(
        {
          kernels: ['MaxPool', 'MaxPoolGrad'],
          inputs: [hills],
          run: (x) => tf.maxPool(x as tf.Tensor4D, [3, 2], stride, pad),
          of: (x) => pool(x!, window(3, 2), most),
        },
        label,
      );
      yield* cases(
        {
          kernels: ['AvgPool', 'AvgPoolGrad'],
          inputs: [hills],
          run: (x) => tf.avgPool(x as tf.Tensor4D, [3, 2], stride, pad),
          of: (x) => pool(x!, window(3, 2), mean),
        },
        label,
      );
      const cloud = distinct([1, 3, 4, 3, 2]);
      yield* cases(
        {
          kernels: ['MaxPool3D', 'MaxPool3DGrad'],
          inputs: [cloud],
          run: (x) => tf.maxPool3d(x as tf.Tensor5D, 2, stride, pad),
          of: (x) => pool(x!, window(2, 2, 2), most),
        },
        label,
      );
      yield* cases(
        {
          kernels: ['AvgPool3D', 'AvgPool3DGrad'],
          inputs: [cloud],
          run: (x) => tf.avgPool3d(x as tf.Tensor5D, 2, stride, pad),
          of: (x) => pool(x!, window(2, 2, 2), mean),
        },
        label,
      );
      yield {
        kernel: 'MaxPoolWithArgmax',
        name: `MaxPoolWithArgmax ${label}`,
        run: () => {
          const { result, indexes } = tf.maxPoolWithArgmax(tensor(hills) as tf.Tensor4D, [3, 2], stride, pad);
          return [result!, indexes!];
        },
        expected: () => {
          const best = pool(hills, window(3, 2), most);
          // A flat position in the image of one batch entry, channels included.
          const perImage = sizeOf(hills.shape.slice(1));
          const indices = build(
            best.shape,
            (p) => {
              const from = p[0]! * perImage;
              const channel = p[3]!;
              const value = at(best, p);
              for (let n = channel; n < perImage; n += 2) if (hills.data[from + n] === value) return n;
              return -1;
            },
            'int32',
          );
          return [best, indices];
        },
      };
    }
  }
}
