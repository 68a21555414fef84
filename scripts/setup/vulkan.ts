/**
 * Software Vulkan (Mesa's lavapipe), so that WebGPU runs on machines without a GPU. Dawn refuses the Mesa 22.3 of
 * Debian 12, whose backports suite has a newer one; Debian 13 and Ubuntu 24.04 are new enough as they are.
 */
import {
  aptCandidate,
  aptInstall,
  aptUpdate,
  aptUpdateOwn,
  asRoot,
  machineSources,
  ownSourceFile,
  release,
  whyNoApt,
} from './apt.js';
import { backportsSource } from './apt-sources.js';
import type { Installer } from './part.js';

const driver = 'mesa-vulkan-drivers';
const oldestAccepted = [23, 1] as const;

export const installVulkan: Installer = (say) => {
  const obstacle = whyNoApt() ?? aptUpdate();
  if (obstacle) return obstacle;
  const stock = aptCandidate(driver);
  if (stock && isNewEnough(stock)) {
    say(`installing ${driver} ${stock} (software Vulkan)`);
    return aptInstall([driver, 'libvulkan1']);
  }
  const { id, codename } = release();
  if (id !== 'debian' || codename === '') {
    return `this distribution's ${driver} is ${stock ?? 'absent'}, and Dawn needs ${oldestAccepted.join('.')} or newer`;
  }
  const backports = backportsSource(machineSources(), codename);
  if ('none' in backports)
    return `${driver} ${stock} is too old for Dawn, and backports are out of reach: ${backports.none}`;
  if ('add' in backports) {
    say(`adding the package source ${backports.suite} in ${ownSourceFile}`);
    const failure = asRoot('tee', [ownSourceFile], backports.add) ?? aptUpdateOwn();
    if (failure) return withdraw(failure);
  }
  const suite = 'add' in backports ? backports.suite : backports.have;
  const newer = aptCandidate(driver, suite);
  if (!newer || !isNewEnough(newer)) {
    const reason = `${driver} is ${newer ?? 'absent'} in ${suite}, and Dawn needs ${oldestAccepted.join('.')} or newer`;
    return 'add' in backports ? withdraw(reason) : reason;
  }
  say(`installing ${driver} ${newer} from ${suite} (software Vulkan)`);
  return aptInstall([driver, 'libvulkan1'], suite);
};

/** A source that cannot be read would break every later `apt-get update` of this machine. */
function withdraw(reason: string): string {
  asRoot('rm', ['-f', ownSourceFile]);
  return reason;
}

/** Whether a Debian version of Mesa, e.g. `25.0.7-2~bpo12+1`, is one that Dawn accepts. */
export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version
    .replace(/^\d+:/, '')
    .split(/[.~+-]/)
    .map(Number);
  return major > oldestAccepted[0] || (major === oldestAccepted[0] && minor >= oldestAccepted[1]);
}
