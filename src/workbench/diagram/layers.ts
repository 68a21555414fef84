/**
 * Where the nodes of a directed graph without circles stand: in layers from top to bottom, each below all it depends
 * on, with places left free where an edge passes a layer. After Sugiyama, Tagawa and Toda (1981), without weights.
 */

export interface Sized {
  id: string;
  width: number;
}

export interface Place {
  /** Middle, in pixels. */
  x: number;
  layer: number;
}

export interface Layout {
  places: ReadonlyMap<string, Place>;
  /** Of each edge: the nodes and free places it leads through, from above to below. */
  routes: readonly (readonly Place[])[];
  width: number;
  layers: number;
}

const gap = 22;
const passage = 10;

/** @throws RangeError when the edges form a circle */
export function layOut(
  caller: string,
  nodes: readonly Sized[],
  edges: readonly (readonly [from: string, to: string])[],
): Layout {
  const layerOf = layersOf(caller, nodes, edges);
  const count = Math.max(...layerOf.values()) + 1;
  const rows: Item[][] = Array.from({ length: count }, () => []);
  const items = new Map(nodes.map(({ id, width }) => [id, newItem(width, layerOf.get(id)!)]));
  for (const item of items.values()) rows[item.layer]!.push(item);
  const chains = edges.map(([from, to]) => {
    const chain = [items.get(from)!];
    for (let layer = layerOf.get(from)! + 1; layer < layerOf.get(to)!; layer++) {
      const free = newItem(passage, layer, true);
      rows[layer]!.push(free);
      chain.push(free);
    }
    chain.push(items.get(to)!);
    for (let i = 1; i < chain.length; i++) {
      chain[i]!.above.push(chain[i - 1]!);
      chain[i - 1]!.below.push(chain[i]!);
    }
    return chain;
  });
  order(rows);
  const width = spread(rows);
  const place = ({ x, layer }: Item): Place => ({ x, layer });
  return {
    places: new Map([...items].map(([id, item]) => [id, place(item)])),
    routes: chains.map((chain) => chain.map(place)),
    width,
    layers: count,
  };
}

interface Item {
  width: number;
  layer: number;
  /** A place for an edge, not a node. */
  free: boolean;
  x: number;
  above: Item[];
  below: Item[];
}

const newItem = (width: number, layer: number, free = false): Item => ({
  width,
  layer,
  free,
  x: 0,
  above: [],
  below: [],
});

/** The longest way from a source; a source itself stands right above the first node that needs it. */
function layersOf(
  caller: string,
  nodes: readonly Sized[],
  edges: readonly (readonly [string, string])[],
): Map<string, number> {
  const layers = new Map(nodes.map(({ id }) => [id, 0]));
  for (let round = 0, moved = true; moved; round++) {
    if (round > nodes.length) throw new RangeError(`${caller}: the arrows form a circle`);
    moved = false;
    for (const [from, to] of edges) {
      if (layers.get(to)! > layers.get(from)!) continue;
      layers.set(to, layers.get(from)! + 1);
      moved = true;
    }
  }
  for (const { id } of nodes) {
    const targets = edges.filter(([from]) => from === id).map(([, to]) => layers.get(to)!);
    const isSource = !edges.some(([, to]) => to === id);
    if (isSource && targets.length > 0) layers.set(id, Math.min(...targets) - 1);
  }
  return layers;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Each row by the mean place of its neighbours, down and up a few times; equal ones keep their order. */
function order(rows: Item[][]): void {
  const index = () => {
    for (const row of rows) for (const [i, item] of row.entries()) item.x = i - (row.length - 1) / 2;
  };
  index();
  for (let round = 0; round < 4; round++) {
    for (const [list, side] of [
      [rows, 'above'],
      [[...rows].reverse(), 'below'],
    ] as const) {
      for (const row of list) {
        const wanted = new Map(
          row.map((item) => [item, item[side].length > 0 ? mean(item[side].map(({ x }) => x)) : item.x]),
        );
        row.sort((a, b) => wanted.get(a)! - wanted.get(b)!);
        index();
      }
    }
  }
}

/** Pixels: every item as near to its neighbours as those beside it allow. Returns the width of all. */
function spread(rows: Item[][]): number {
  for (const row of rows) {
    let x = -row.reduce((sum, { width }) => sum + width + gap, -gap) / 2;
    for (const item of row) {
      item.x = x + item.width / 2;
      x += item.width + gap;
    }
  }
  for (let round = 0; round < 24; round++) {
    const down = round % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      for (const item of row) {
        const all = down ? item.above : item.below;
        // A way that passes several layers is straight rather than near to both its ends.
        const free = item.free ? all.filter((other) => other.free) : [];
        const near = free.length > 0 ? free : all;
        if (near.length > 0) item.x = mean(near.map(({ x }) => x));
      }
      separate(row);
    }
  }
  const left = Math.min(...rows.flat().map(({ x, width }) => x - width / 2));
  const right = Math.max(...rows.flat().map(({ x, width }) => x + width / 2));
  for (const item of rows.flat()) item.x -= left;
  return right - left;
}

/** Pushes overlapping neighbours apart by as little as it takes, the row's middle kept. */
function separate(row: readonly Item[]): void {
  const before = mean(row.map(({ x }) => x));
  for (let i = 1; i < row.length; i++) {
    const [a, b] = [row[i - 1]!, row[i]!];
    b.x = Math.max(b.x, a.x + (a.width + b.width) / 2 + gap);
  }
  const shift = before - mean(row.map(({ x }) => x));
  for (const item of row) item.x += shift;
}
