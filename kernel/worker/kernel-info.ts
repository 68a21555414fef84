/** What the kernel tells about itself. */
import { dialect } from '../dialect.js';
import { packageVersion } from '../package-root.js';
import { type KernelInfo, protocolVersion } from '../protocol/messages.js';

/** The exact version the package pins; read from here because loading the compiler would delay kernel_info. */
const typescriptVersion = '6.0.3';

/** The language, as our own kernel tells it. */
export const typescriptInfo: KernelInfo['language_info'] = {
  name: 'typescript',
  version: typescriptVersion,
  mimetype: 'text/typescript',
  file_extension: '.ts',
  pygments_lexer: 'typescript',
  codemirror_mode: 'typescript',
  nbconvert_exporter: 'script',
};

const javascript: KernelInfo['language_info'] = {
  name: 'javascript',
  version: process.versions.node,
  mimetype: 'text/javascript',
  file_extension: '.js',
  pygments_lexer: 'javascript',
  codemirror_mode: 'javascript',
  nbconvert_exporter: 'script',
};

export function kernelInfo(): KernelInfo {
  return {
    protocol_version: protocolVersion,
    implementation: 'kernelbook',
    implementation_version: packageVersion(),
    language_info: dialect() === 'jslab' ? javascript : typescriptInfo,
    banner: `kernelbook ${packageVersion()}: TypeScript ${typescriptVersion} on Node ${process.version}. Cells are type-checked before they run.`,
    help_links: [
      { text: 'TypeScript', url: 'https://www.typescriptlang.org/docs/' },
      { text: 'TensorFlow.js API', url: 'https://js.tensorflow.org/api/latest/' },
    ],
    debugger: false,
    supported_features: ['kernel subshells'],
  };
}
