/** The part of Jasmine that is used here. */
export interface SpecResult {
  readonly id: string;
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
  readonly failedExpectations: readonly { readonly message: string }[];
}

/** A suite, with children, or a test. */
export interface SuiteOrSpec {
  readonly id: string;
  readonly description: string;
  readonly children?: readonly SuiteOrSpec[];
}

export interface JasmineEnvironment {
  configure(options: object): void;
  topSuite(): SuiteOrSpec;
  addReporter(reporter: { specDone(result: SpecResult): void }): void;
  execute(): Promise<{
    readonly overallStatus: string;
    readonly failedExpectations: readonly { readonly message: string }[];
  }>;
}
