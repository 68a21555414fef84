/** What is said where there is no MPI, or something else of its name. */
import { describe, expect, it } from 'vitest';
import { libraries } from '../../../src/parallel/communicator/mpi/abi.js';
import { MpiError, MpiLibrary } from '../../../src/parallel/communicator/mpi/library.js';

const { abi } = libraries[0]!;

describe('MPI', () => {
  it('that is absent is told with every name that was looked for and how to install it', () => {
    const load = () =>
      MpiLibrary.load([
        { file: 'libmpi-none.so.1', abi },
        { file: 'libmpi-none.so.2', abi },
      ]);
    expect(load).toThrow(MpiError);
    expect(load).toThrow(
      'there is no MPI: none of libmpi-none.so.1, libmpi-none.so.2 can be loaded; on Debian: apt-get install openmpi-bin',
    );
  });

  it.runIf(process.platform === 'linux')(
    `of another kind is refused before anything of it is called${process.platform === 'linux' ? '' : ' [skipped: a library of glibc is used]'}`,
    () => {
      const load = () => MpiLibrary.load([{ file: 'libm.so.6', abi }]);
      expect(load).toThrow(MpiError);
      expect(load).toThrow(/^libm\.so\.6 is there, but is no Open MPI as we know it: .+; Open MPI 4 and 5/);
    },
  );
});
