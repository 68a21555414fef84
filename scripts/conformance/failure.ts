/** The kernel did otherwise than the specification says. The message is shown in the table's notes. */
export class ConformanceFailure extends Error {
  override name = 'ConformanceFailure';
}
