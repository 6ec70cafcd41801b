// What suites about the panel share: one browser for the suite, and a page that is closed after its test.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSnapshot } from '../../../src/protocol/events';
import { PanelHarness, type Panel } from './panelPage';
import type { ThemeName } from './themes';

export const pictures = join(import.meta.dirname, '..', '..', '..', 'out', 'panel');

export interface PanelSuite {
  /** Pages that their tests close by themselves. */
  readonly harness: PanelHarness;
  /** A page that shows the run; closed when the test is over, or the next one is opened. */
  readonly open: (snapshot: RunSnapshot, theme?: ThemeName, width?: number) => Promise<Panel>;
}

/** Called inside of a `describe`. */
export function panelSuite(): PanelSuite {
  let harness: PanelHarness;
  let panel: Panel | undefined;
  const close = async (): Promise<void> => {
    await panel?.close();
    panel = undefined;
  };
  before(async () => {
    await mkdir(pictures, { recursive: true });
    harness = await PanelHarness.start();
  });
  after(() => harness.stop());
  afterEach(close);
  return {
    get harness() {
      return harness;
    },
    async open(snapshot, theme = 'dark', width = 700) {
      await close();
      panel = await harness.open(theme, width);
      await panel.show(snapshot);
      return panel;
    },
  };
}
