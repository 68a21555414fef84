/**
 * The two families of MPI libraries and how they name things in memory: for Open MPI a handle is an address, for MPICH (and Intel
 * MPI, MVAPICH) a number of the header `mpi.h`.
 */
export interface Abi {
  name: string;
  /** The C type of a handle. */
  handle: 'void *' | 'int';
  /** Predefined handles; `symbol` looks up an exported variable. */
  handles(symbol: (name: string) => unknown): Record<HandleName, unknown>;
  inPlace: bigint;
  ignoreStatus: bigint;
  anySource: number;
}

export type HandleName = 'world' | 'float32' | 'int32' | 'byte' | 'sum' | 'max';

const openMpi: Abi = {
  name: 'Open MPI',
  handle: 'void *',
  handles: (symbol) => ({
    world: symbol('ompi_mpi_comm_world'),
    float32: symbol('ompi_mpi_float'),
    int32: symbol('ompi_mpi_int'),
    byte: symbol('ompi_mpi_byte'),
    sum: symbol('ompi_mpi_op_sum'),
    max: symbol('ompi_mpi_op_max'),
  }),
  inPlace: 1n,
  ignoreStatus: 0n,
  anySource: -1,
};

const mpich: Abi = {
  name: 'MPICH',
  handle: 'int',
  handles: () => ({
    world: 0x44000000,
    float32: 0x4c00040a,
    int32: 0x4c000405,
    byte: 0x4c00010d,
    sum: 0x58000003,
    max: 0x58000001,
  }),
  inPlace: -1n,
  ignoreStatus: 1n,
  anySource: -2,
};

/** Where their libraries are found, in the order in which they are tried. */
export const libraries: readonly { file: string; abi: Abi }[] = [
  { file: 'libmpi.so.40', abi: openMpi },
  { file: 'libmpi.40.dylib', abi: openMpi },
  { file: 'libmpich.so.12', abi: mpich },
  { file: 'libmpi.so.12', abi: mpich },
  { file: 'libmpi.12.dylib', abi: mpich },
];
