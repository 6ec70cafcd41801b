// One picture for each kind of theme. What lies over the window is sent away first; the dark theme comes last, so that
// the window is left as it was found.
import type { Theme, Workbench } from '../../../tools/vscode/workbench';

const inOrder: readonly Theme[] = ['light', 'hc-black', 'hc-light', 'dark'];

/**
 * Saves out/e2e-<name>-<theme>.png for each theme.
 * @param show brings up what the picture is of, and waits for it, where a change of the theme takes it away.
 * @param hide takes it away again.
 */
export async function pictures(
  window: Workbench,
  name: string,
  show?: () => Promise<unknown>,
  hide?: () => Promise<unknown>,
): Promise<void> {
  await window.clearNotifications();
  for (const theme of inOrder) {
    await window.setTheme(theme);
    await show?.();
    await window.screenshot(`e2e-${name}-${theme}`);
    await hide?.();
  }
}
