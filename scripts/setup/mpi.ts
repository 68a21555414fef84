/** Open MPI with its compiler, from the distribution. */
import { aptInstall, aptUpdate, whyNoApt } from './apt.js';
import type { Installer } from './part.js';

const packages = ['openmpi-bin', 'libopenmpi-dev'];

export const installMpi: Installer = (say) => {
  const obstacle = whyNoApt() ?? aptUpdate();
  if (obstacle) return obstacle;
  say(`installing ${packages.join(' and ')}`);
  return aptInstall(packages);
};
