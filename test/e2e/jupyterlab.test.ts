/**
 * Our kernel in real JupyterLab, in a real browser. One server and one browser serve all suites; each suite has its own
 * notebook and so its own kernel.
 */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeRequires } from '../support/requires.js';
import { Lab, minutes } from './lab.js';
import { language } from './lab-language.js';
import { running } from './lab-running.js';
import { typing } from './lab-typing.js';
import { wholeNotebook } from './lab-whole-notebook.js';
import { widgets } from './lab-widgets.js';
import { mainNotebook, processesLeft } from './workspace.js';

describeRequires(['venv', 'chromium', 'kernelspec'], 'JupyterLab', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.start([mainNotebook()]);
  }, 2 * minutes);

  afterAll(async () => {
    await lab?.stop();
    lab?.workspace.remove();
  }, minutes);

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await lab?.explain(task.name);
  });

  wholeNotebook(() => lab);
  typing(() => lab);
  running(() => lab);
  widgets(() => lab);
  language(() => lab);

  it(
    'leaves no process behind',
    async () => {
      await lab.stop();
      expect(await processesLeft(lab.workspace.folder, 20)).toEqual([]);
      expect(await processesLeft(lab.workspace.runtime, 5)).toEqual([]);
    },
    minutes,
  );
});
