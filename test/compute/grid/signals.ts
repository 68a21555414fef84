/** Complex numbers and their transforms, normalisation, resizing, and sums of many tensors. */
import { tf } from '../../../src/compute/tf.js';
import { at, build, type GridCase, sample, tensor, type Values, values } from './case.js';
import { slope } from './windows.js';

const complex = (re: Values, im: Values) => tf.complex(tensor(re), tensor(im));

/** The discrete Fourier transform of rows by its definition. @returns [real, imaginary] */
function transform(re: Values, im: Values, inverse: boolean): [Values, Values] {
  const n = re.shape.at(-1)!;
  const sign = inverse ? 1 : -1;
  const part = (imaginary: boolean) =>
    build(re.shape, (p) => {
      let sum = 0;
      for (let k = 0; k < n; k++) {
        const angle = (sign * 2 * Math.PI * k * p.at(-1)!) / n;
        const [a, b] = [at(re, p.with(-1, k)), at(im, p.with(-1, k))];
        sum += imaginary
          ? a * Math.sin(angle) + b * Math.cos(angle)
          : a * Math.cos(angle) - b * Math.sin(angle);
      }
      return inverse ? sum / n : sum;
    });
  return [part(false), part(true)];
}

function* complexNumbers(): Generator<GridCase> {
  for (const shape of [[4], [2, 3], [1, 5], [2, 2, 4]]) {
    const [re, im] = [sample(shape, 'float32', 1), sample(shape, 'float32', 2)];
    const parts = (make: () => tf.Tensor) =>
      tf.tidy(() => {
        const z = make();
        return [tf.real(z), tf.imag(z)];
      });
    for (const kernel of ['Complex', 'Real', 'Imag']) {
      yield {
        kernel,
        name: `${kernel} [${shape}]`,
        run: () => parts(() => complex(re, im)),
        expected: () => [re, im],
      };
    }
    yield {
      kernel: 'ComplexAbs',
      name: `ComplexAbs [${shape}]`,
      run: () => tf.tidy(() => tf.abs(complex(re, im))),
      expected: () => build(shape, (p) => Math.hypot(at(re, p), at(im, p))),
    };
    for (const [kernel, inverse] of [
      ['FFT', false],
      ['IFFT', true],
    ] as const) {
      yield {
        kernel,
        name: `${kernel} [${shape}]`,
        run: () =>
          parts(() => (inverse ? tf.spectral.ifft(complex(re, im)) : tf.spectral.fft(complex(re, im)))),
        expected: () => transform(re, im, inverse),
        tolerance: 1e-5,
      };
    }
  }
}

/** Of real numbers, which takes complex tensors apart and together again. */
function* realTransforms(): Generator<GridCase> {
  for (const shape of [[4], [2, 3], [2, 2, 4]]) {
    const x = sample(shape, 'float32', 1);
    const n = shape.at(-1)!;
    const half = shape.with(-1, Math.floor(n / 2) + 1);
    yield {
      kernel: 'FFT',
      name: `FFT of real numbers [${shape}]`,
      run: () =>
        tf.tidy(() => {
          const z = tf.spectral.rfft(tensor(x));
          return [tf.real(z), tf.imag(z)];
        }),
      expected: () =>
        transform(
          x,
          build(shape, () => 0),
          false,
        ).map((part) => build(half, (p) => at(part, p))),
      tolerance: 1e-5,
    };
    // irfft is made of other operations by tfjs-core itself: of odd lengths it loses one, of one axis it makes two.
    if (n % 2 > 0 || shape.length < 2) continue;
    yield {
      kernel: 'IFFT',
      name: `IFFT back to real numbers [${shape}]`,
      run: () => tf.tidy(() => tf.spectral.irfft(tf.spectral.rfft(tensor(x)))),
      expected: () => x,
      tolerance: 1e-5,
    };
  }
}

function* normalisation(): Generator<GridCase> {
  const x = sample([2, 3, 2, 4], 'float32', 1);
  const [mean, offset, scale] = [2, 3, 4].map((seed) => sample([4], 'float32', seed)) as [
    Values,
    Values,
    Values,
  ];
  const variance = values([4], [0.5, 1, 2.25, 4]);
  for (const full of [true, false]) {
    yield {
      kernel: 'FusedBatchNorm',
      name: `FusedBatchNorm${full ? '' : ' without offset and scale'}`,
      run: () =>
        tf.batchNorm(
          tensor(x),
          tensor(mean) as tf.Tensor1D,
          tensor(variance) as tf.Tensor1D,
          full ? (tensor(offset) as tf.Tensor1D) : undefined,
          full ? (tensor(scale) as tf.Tensor1D) : undefined,
          1e-3,
        ),
      expected: () =>
        build(x.shape, (p) => {
          const [, , , c] = p;
          const plain = (at(x, p) - mean.data[c!]!) / Math.sqrt(variance.data[c!]! + 1e-3);
          return full ? plain * scale.data[c!]! + offset.data[c!]! : plain;
        }),
      tolerance: 1e-5,
    };
  }
  const response = (t: Values) =>
    build(t.shape, (p) => {
      let sum = 0;
      for (let c = Math.max(0, p[3]! - 1); c <= Math.min(3, p[3]! + 1); c++) sum += at(t, p.with(3, c)) ** 2;
      return at(t, p) * (2 + 0.5 * sum) ** -0.75;
    });
  const lrn = (t: tf.Tensor) => tf.localResponseNormalization(t as tf.Tensor4D, 1, 2, 0.5, 0.75);
  const dy = sample(x.shape, 'float32', 5);
  yield {
    kernel: 'LRN',
    name: 'LRN',
    run: () => lrn(tensor(x)),
    expected: () => response(x),
    tolerance: 2e-5,
  };
  yield {
    kernel: 'LRNGrad',
    name: 'LRNGrad',
    run: () => tf.grad(lrn)(tensor(x), tensor(dy)),
    expected: () => slope(response, x, dy),
    tolerance: 5e-5,
  };
  const elu = (t: Values) => ({ ...t, data: t.data.map((v) => (v >= 0 ? v : Math.expm1(v))) });
  const away = { ...x, data: x.data.map((v) => v || 0.25) };
  yield {
    kernel: 'EluGrad',
    name: 'EluGrad',
    run: () => tf.grad(tf.elu)(tensor(away), tensor(dy)),
    expected: () => slope(elu, away, dy),
    tolerance: 1e-5,
  };
}

interface Scaling {
  readonly corners: boolean;
  readonly halfPixel: boolean;
}

/** Where in the image the place of the result lies. */
function source(
  place: number,
  from: number,
  to: number,
  { corners, halfPixel }: Scaling,
  centre: number,
): number {
  const ratio = corners && to > 1 ? (from - 1) / (to - 1) : from / to;
  return halfPixel ? (place + 0.5) * ratio - centre : place * ratio;
}

function bilinear(x: Values, size: [number, number], scaling: Scaling): Values {
  const along = (place: number, axis: number) => {
    const extent = x.shape[axis]!;
    const position = source(place, extent, size[axis - 1]!, scaling, 0.5);
    const low = Math.floor(position);
    return { low: Math.max(0, low), high: Math.min(extent - 1, Math.ceil(position)), share: position - low };
  };
  return build([x.shape[0]!, ...size, x.shape[3]!], ([b, i, j, c]) => {
    const [row, column] = [along(i!, 1), along(j!, 2)];
    const mix = (r: number) =>
      at(x, [b!, r, column.low, c!]) * (1 - column.share) + at(x, [b!, r, column.high, c!]) * column.share;
    return mix(row.low) * (1 - row.share) + mix(row.high) * row.share;
  });
}

function nearest(x: Values, size: [number, number], scaling: Scaling): Values {
  const along = (place: number, axis: number) => {
    const position = source(place, x.shape[axis]!, size[axis - 1]!, scaling, 0);
    return Math.min(x.shape[axis]! - 1, scaling.corners ? Math.round(position) : Math.floor(position));
  };
  return build([x.shape[0]!, ...size, x.shape[3]!], ([b, i, j, c]) =>
    at(x, [b!, along(i!, 1), along(j!, 2), c!]),
  );
}

function* images(): Generator<GridCase> {
  const x = sample([2, 3, 4, 2], 'float32', 7);
  yield {
    kernel: 'FlipLeftRight',
    name: 'FlipLeftRight',
    run: () => tf.image.flipLeftRight(tensor(x) as tf.Tensor4D),
    expected: () => build(x.shape, ([b, i, j, c]) => at(x, [b!, i!, 3 - j!, c!])),
  };
  for (const size of [
    [6, 7],
    [2, 2],
    [1, 5],
  ] as [number, number][]) {
    for (const scaling of [
      { corners: false, halfPixel: false },
      { corners: true, halfPixel: false },
      { corners: false, halfPixel: true },
    ]) {
      const label = `[${size}]${scaling.corners ? ' aligned corners' : ''}${scaling.halfPixel ? ' half pixels' : ''}`;
      const { corners, halfPixel } = scaling;
      for (const [kernel, run, of] of [
        ['ResizeBilinear', tf.image.resizeBilinear, bilinear],
        ['ResizeNearestNeighbor', tf.image.resizeNearestNeighbor, nearest],
      ] as const) {
        const call = (t: tf.Tensor) => run(t as tf.Tensor4D, size, corners, halfPixel);
        const dy = () => sample([2, ...size, 2], 'float32', 3);
        yield {
          kernel,
          name: `${kernel} ${label}`,
          run: () => call(tensor(x)),
          expected: () => of(x, size, scaling),
          tolerance: 1e-5,
        };
        // tfjs does not hand halfPixelCenters on to the gradient's kernel.
        if (halfPixel) continue;
        yield {
          kernel: `${kernel}Grad`,
          name: `${kernel}Grad ${label}`,
          run: () => tf.grad(call)(tensor(x), tensor(dy())),
          expected: () => slope((t) => of(t, size, scaling), x, dy()),
          tolerance: 1e-5,
        };
      }
    }
  }
}

export function* signals(): Generator<GridCase> {
  for (const dtype of ['float32', 'int32'] as const) {
    for (const shape of [[], [3], [2, 3], [1, 2, 1, 2, 2], [0, 2]]) {
      const terms = [1, 2, 3].map((seed) => sample(shape, dtype, seed));
      yield {
        kernel: 'AddN',
        name: `AddN ${dtype} [${shape}]`,
        run: () => tf.addN(terms.map(tensor)),
        expected: () => build(shape, (p) => terms.reduce((sum, term) => sum + at(term, p), 0), dtype),
      };
    }
  }
  yield* complexNumbers();
  yield* realTransforms();
  yield* normalisation();
  yield* images();
}
