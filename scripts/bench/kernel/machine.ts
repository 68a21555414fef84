/** The machine a measurement was made on, and whether it had something else to do. */
import { cpus, loadavg, totalmem } from 'node:os';

export interface Machine {
  platform: string;
  cpu: string;
  cores: number;
  memoryGiB: number;
  node: string;
  /** Processes that wanted to run, on average over the minute before the start. */
  load: number;
  /** NODE_EXTRA_CA_CERTS is set: each Node process then reads that file before it does anything else. */
  extraCertificates: boolean;
}

/** Above it, times are not those of the kernels alone. */
const idleLoadPerCore = 0.25;

export function thisMachine(): Machine {
  return {
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: totalmem() / 2 ** 30,
    node: process.versions.node,
    load: loadavg()[0]!,
    extraCertificates: Boolean(process.env.NODE_EXTRA_CA_CERTS),
  };
}

/** Empty for an idle machine. */
export function busyWarning({ load, cores }: Machine): string {
  if (load <= idleLoadPerCore * cores) return '';
  return `the machine was busy when the bench began (load ${load.toFixed(1)} on ${cores} cores): the figures can be compared with each other, but not with those of another run`;
}
