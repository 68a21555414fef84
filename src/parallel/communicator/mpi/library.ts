/** The functions of libmpi, called through koffi; an error code becomes an error with MPI's own text. */
import { createRequire } from 'node:module';
import { CommunicationError } from '../communicator.js';
import { type Abi, type HandleName, libraries } from './abi.js';

type Koffi = typeof import('koffi');
type Call = (...args: unknown[]) => number;

/** MPI is not here, or is not one that we can talk to. */
export class MpiError extends CommunicationError {
  override name = 'MpiError';
}

const functions = {
  MPI_Initialized: 'int *',
  MPI_Init_thread: 'void *, void *, int, int *',
  MPI_Finalize: '',
  MPI_Abort: 'H, int',
  MPI_Comm_rank: 'H, int *',
  MPI_Comm_size: 'H, int *',
  MPI_Comm_dup: 'H, H *',
  MPI_Comm_split: 'H, int, int, H *',
  MPI_Comm_set_errhandler: 'H, H',
  MPI_Error_string: 'int, char *, int *',
  MPI_Get_library_version: 'char *, int *',
  MPI_Test: 'H *, int *, void *',
  MPI_Ibarrier: 'H, H *',
  MPI_Ibcast: 'void *, int, H, int, H, H *',
  MPI_Ireduce: 'void *, void *, int, H, H, int, H, H *',
  MPI_Iallreduce: 'void *, void *, int, H, H, H, H *',
  MPI_Ireduce_scatter_block: 'void *, void *, int, H, H, H, H *',
  MPI_Iallgather: 'void *, int, H, void *, int, H, H, H *',
  MPI_Ialltoall: 'void *, int, H, void *, int, H, H, H *',
  MPI_Ialltoallv: 'void *, void *, void *, H, void *, void *, void *, H, H, H *',
  MPI_Isend: 'void *, int, H, int, int, H, H *',
  MPI_Irecv: 'void *, int, H, int, int, H, H *',
} as const;

export type FunctionName = keyof typeof functions;

export class MpiLibrary {
  readonly handles: Record<HandleName, unknown>;
  readonly #calls: Record<FunctionName, Call>;

  private constructor(
    readonly abi: Abi,
    lib: ReturnType<Koffi['load']>,
  ) {
    const symbol = (name: string) => lib.symbol(name, 'void *');
    this.handles = abi.handles(symbol);
    const define = (name: FunctionName) => {
      const types = functions[name]
        .split(', ')
        .filter((type) => type !== '')
        .map((type) => (type === 'H' ? abi.handle : type.endsWith('*') ? 'void *' : type));
      return lib.func(name, 'int', types) as unknown as Call;
    };
    this.#calls = Object.fromEntries(
      (Object.keys(functions) as FunctionName[]).map((name) => [name, define(name)]),
    ) as Record<FunctionName, Call>;
  }

  /**
   * The first of the candidates that is there.
   * @throws MpiError saying what was looked for, or that what was found is another library
   */
  static load(candidates = libraries): MpiLibrary {
    let koffi: Koffi;
    try {
      koffi = createRequire(import.meta.url)('koffi') as Koffi;
    } catch (error) {
      throw new MpiError(`MPI needs the package koffi, which is not installed: ${(error as Error).message}`);
    }
    const missing: string[] = [];
    for (const { file, abi } of candidates) {
      let lib: ReturnType<Koffi['load']>;
      try {
        lib = koffi.load(file);
      } catch {
        missing.push(file);
        continue;
      }
      try {
        return new MpiLibrary(abi, lib);
      } catch (error) {
        throw new MpiError(
          `${file} is there, but is no ${abi.name} as we know it: ${(error as Error).message}; Open MPI 4 and 5 and MPICH 3.2 and later are`,
        );
      }
    }
    throw new MpiError(
      `there is no MPI: none of ${missing.join(', ')} can be loaded; on Debian: apt-get install openmpi-bin libopenmpi-dev`,
    );
  }

  /** @throws MpiError with MPI's own text where the function gives an error code */
  call(name: FunctionName, ...args: unknown[]): void {
    this.#check(name, this.#calls[name](...args));
  }

  /** A place for a handle that a function gives. */
  handlePlace(): BigUint64Array | Int32Array {
    return this.abi.handle === 'int' ? new Int32Array(1) : new BigUint64Array(1);
  }

  #check(name: FunctionName, code: number): void {
    if (code === 0) return;
    const text = Buffer.alloc(1024);
    const length = new Int32Array(1);
    this.#calls.MPI_Error_string(code, text, length);
    throw new MpiError(`${name}: ${text.toString('utf8', 0, length[0])}`);
  }

  version(): string {
    const text = Buffer.alloc(8192);
    const length = new Int32Array(1);
    this.call('MPI_Get_library_version', text, length);
    return text.toString('utf8', 0, length[0]).replace(/\0.*$/s, '').split('\n')[0]!.trim();
  }
}
