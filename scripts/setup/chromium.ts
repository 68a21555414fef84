/** Chromium for the end-to-end tests, and a font with Chinese characters for their screenshots. */
import { aptInstall, isInstalled, release, whyNoApt } from './apt.js';
import type { Installer } from './part.js';

const cjkFont = 'fonts-noto-cjk';

export const installChromium: Installer = (say) => {
  if (process.env.CHROMIUM_PATH) return 'CHROMIUM_PATH is set: the browser is yours to install';
  const obstacle = whyNoApt();
  if (obstacle) return obstacle;
  if (release().id === 'ubuntu') {
    return "Ubuntu's chromium package is a snap, which tests cannot drive: install google-chrome or set CHROMIUM_PATH";
  }
  say(`installing chromium and ${cjkFont}`);
  return aptInstall(['chromium', cjkFont]);
};

/** Adds the font where the browser came without it; tests do not depend on it, pictures do. */
export const installFont: Installer = (say) => {
  if (process.platform !== 'linux' || whyNoApt() || isInstalled(cjkFont)) return undefined;
  say(`installing ${cjkFont}`);
  return aptInstall([cjkFont]);
};
