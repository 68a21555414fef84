/** One program for every engine: each operation, with odd sizes, and what was counted. As text, since threads and MPI run files. */
export const everyOperation = `
  const { rank, size } = comm;
  const { length } = args;
  const values = (count) => Float32Array.from({ length: count }, (_, i) => (i * 7919 + rank * 31) % 101);
  const pair = await comm.split(rank % 2, 'pair');
  const handles = [1, 2, 3].map((n) => comm.start.allReduce(values(n * 10)));
  const around = comm.start.receive((rank + size - 1) % size, 3);
  await comm.send(Int32Array.of(rank), (rank + 1) % size, 3);
  await comm.send(values(length), (rank + 1) % size);
  const halves = Int32Array.from({ length: length + 1 }, (_, i) => ((0x3c00 + 64 * rank) << 16) | (0x4000 + 64 * (i % 9)));
  const results = {
    allReduce: await comm.allReduce(values(length)),
    mean: await comm.allReduce(values(length), { reduction: 'mean' }),
    max: await comm.allReduce(values(length), { reduction: 'max' }),
    integers: await comm.allReduce(Int32Array.from(values(length))),
    halves: await comm.allReduce(halves.slice(), { half: true }),
    halfMax: await comm.allReduce(halves.slice(), { half: true, reduction: 'max' }),
    broadcast: await comm.broadcast(values(length), size - 1),
    reduce: await comm.reduce(values(length), 0),
    reduceScatter: await comm.reduceScatter(values(length * size)),
    allGather: await comm.allGather(values(length)),
    allToAll: await comm.allToAll(Array.from({ length: size }, (_, to) => values((rank + to) % 3))),
    inPair: await pair.allGather(Int32Array.of(rank)),
    handles: [],
    around: await around.wait(),
    late: await comm.receive((rank + size - 1) % size),
  };
  for (const handle of handles) results.handles.push(await handle.wait());
  // Under MPI some of these are made of several calls, which must not interleave.
  const overlapping = [
    comm.start.allReduce(halves.slice(), { half: true }),
    comm.start.allToAll(Array.from({ length: size }, (_, to) => values((rank + to) % 3))),
    comm.start.allGather(values(length + 5)),
    comm.start.reduceScatter(new Int32Array(size * 3).fill(0x3c00), { half: true }),
    comm.start.broadcast(values(length + 2), 0),
    comm.start.allReduce(values(length + 7)),
  ];
  results.overlapping = [];
  for (const handle of overlapping) results.overlapping.push(await handle.wait());
  await comm.barrier();
  const kinds = ['allReduce', 'broadcast', 'reduce', 'reduceScatter', 'allGather', 'allToAll', 'barrier', 'send'];
  return { results, traffic: Object.fromEntries(kinds.map((kind) => [kind, comm.traffic.of(kind)])) };`;
