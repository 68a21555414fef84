/** Widgets' state as it is saved: from messages, and of real ipywidgets beside what nbclient saves of the same notebook. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawMessage } from '../../kernel/protocol/messages.js';
import { WidgetStates, widgetStateMime } from '../../scripts/run/widgets.js';
import { describeRequires } from '../support/requires.js';
import { textOf, Workplace } from './helpers.js';

const message = (type: string, content: object, buffers: Uint8Array[] = []): RawMessage => ({
  type,
  header: { msg_id: 'm', session: 's', username: '', date: '', msg_type: type, version: '5.4' },
  parent: {},
  metadata: {},
  content,
  buffers,
});
/** nbclient may wait for ever for a message that it has missed: then it is ended, and begins anew. */
function runNbclient(args: string[], attempts = 3): void {
  try {
    execFileSync('.venv/bin/python', args, { timeout: 60_000, killSignal: 'SIGKILL' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ETIMEDOUT' || attempts === 1) throw error;
    runNbclient(args, attempts - 1);
  }
}

const model = (state: object) => ({
  _model_name: 'M',
  _model_module: 'mod',
  _model_module_version: '1',
  ...state,
});
const open = (id: string, state: object, target = 'jupyter.widget') =>
  message('comm_open', { comm_id: id, target_name: target, data: { state: model(state) } });
const update = (id: string, state: object, paths: unknown[] = [], buffers: Uint8Array[] = []) =>
  message('comm_msg', { comm_id: id, data: { method: 'update', state, buffer_paths: paths } }, buffers);
const stateOf = (widgets: WidgetStates) =>
  (widgets.metadata()![widgetStateMime] as { state: Record<string, unknown> }).state;

describe('the state of widgets', () => {
  it('is what was opened with all updates, and goes when the comm is closed', () => {
    const widgets = new WidgetStates();
    expect(widgets.metadata()).toBeUndefined();
    expect(widgets.receive(open('a', { value: 1, min: 0 }))).toBe(true);
    expect(widgets.receive(update('a', { value: 2 }))).toBe(true);
    expect(widgets.receive(open('b', {}))).toBe(true);
    expect(widgets.receive(message('comm_close', { comm_id: 'b', data: {} }))).toBe(true);
    expect(widgets.metadata()).toEqual({
      [widgetStateMime]: {
        version_major: 2,
        version_minor: 0,
        state: {
          a: {
            model_name: 'M',
            model_module: 'mod',
            model_module_version: '1',
            state: model({ value: 2, min: 0 }),
          },
        },
      },
    });
  });

  it('leaves the content of other messages unparsed', () => {
    const stream = Object.defineProperty(message('stream', {}), 'content', {
      get: () => {
        throw new Error('parsed');
      },
    });
    expect(new WidgetStates().receive(stream)).toBe(false);
  });

  it('keeps buffers as base64 until their key is set again', () => {
    const widgets = new WidgetStates();
    widgets.receive(open('a', {}));
    widgets.receive(update('a', {}, [['value'], ['data', 0]], [Buffer.from('one'), Buffer.from('two')]));
    const buffer = (text: string, ...path: (string | number)[]) => ({
      data: Buffer.from(text).toString('base64'),
      encoding: 'base64',
      path,
    });
    expect(stateOf(widgets).a).toMatchObject({ buffers: [buffer('one', 'value'), buffer('two', 'data', 0)] });
    widgets.receive(update('a', { data: [null] }, [['data', 0]], [Buffer.from('three')]));
    expect(stateOf(widgets).a).toMatchObject({
      buffers: [buffer('one', 'value'), buffer('three', 'data', 0)],
    });
    widgets.receive(update('a', { value: null }));
    expect(stateOf(widgets).a).toMatchObject({ buffers: [buffer('three', 'data', 0)] });
  });

  it('is none of other comms, other messages, or of what is malformed', () => {
    const widgets = new WidgetStates();
    expect(widgets.receive(open('a', {}, 'other'))).toBe(false);
    expect(widgets.receive(update('a', { value: 1 }))).toBe(false);
    expect(widgets.receive(message('stream', { name: 'stdout', text: '' }))).toBe(false);
    widgets.receive(open('b', {}));
    expect(
      widgets.receive(message('comm_msg', { comm_id: 'b', data: { method: 'custom', content: 1 } })),
    ).toBe(false);
    expect(widgets.receive(message('comm_msg', { comm_id: 'b', data: null }))).toBe(false);
  });
});

describeRequires('venv', 'real widgets', () => {
  const slider = 'import ipywidgets as w\ns = w.IntSlider(value=7)\ns';
  const cells = [
    slider,
    "s.value = 12\npicture = w.Image(value=b'\\x89PNG', format='png')\npicture",
    "out = w.Output()\ndisplay(out)\nwith out:\n    print('inside')\n    display(2)\nprint('outside')",
    "print([output['output_type'] for output in out.outputs])",
    "with out:\n    out.clear_output(wait=True)\n    print('again')",
    'print(len(out.outputs))',
  ];
  let place: Workplace;
  beforeAll(async () => {
    place = await Workplace.create();
  });
  afterAll(() => place.remove());

  /** Model ids are new in every run: named in the order in which they come. */
  const withoutIds = (file: string) => {
    const names = new Map<string, string>();
    const text = readFileSync(file, 'utf8').replace(/[0-9a-f]{32}/g, (id) => {
      if (!names.has(id)) names.set(id, `model ${names.size}`);
      return names.get(id)!;
    });
    const { cells: executed, metadata } = JSON.parse(text);
    const states = Object.values(metadata.widgets[widgetStateMime].state) as {
      model_name: string;
      state: Record<string, unknown>;
    }[];
    return { outputs: executed.map((cell: { outputs: unknown }) => cell.outputs), states };
  };

  it('are saved as nbclient saves them, outputs they capture too', async () => {
    await place.notebook('widgets.ipynb', 'python3', cells);
    const { status } = await place.kernelbook(['run', 'widgets.ipynb']);
    expect(status).toBe(0);
    const script = `import sys, nbformat, nbclient
nb = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(nb).execute()
nbformat.write(nb, sys.argv[2])`;
    const [input, theirs] = [place.path('widgets.ipynb'), place.path('theirs.ipynb')];
    runNbclient(['-c', script, input, theirs]);
    const ours = withoutIds(place.path('build/notebooks/widgets.ipynb'));
    const expected = withoutIds(theirs);
    expect(ours.outputs).toEqual(expected.outputs);
    const byName = (states: typeof ours.states) =>
      states
        .map(({ model_name, state }) =>
          JSON.stringify([model_name, Object.entries(state).sort()]).replace(/model \d+/g, 'model'),
        )
        .sort();
    expect(byName(ours.states)).toEqual(byName(expected.states));
    expect(ours.states.find(({ model_name }) => model_name === 'IntSliderModel')?.state.value).toBe(12);
    const executed = await place.executed('widgets.ipynb');
    expect(textOf(executed[2]!.outputs)).toBe('display_dataoutside\n');
    expect(textOf(executed[3]!.outputs)).toBe("['stream', 'display_data']\n");
  });
});
