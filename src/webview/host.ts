// The way to the extension: messages out, and the few things about the view itself (what is picked, folded
// open, how much is shown) that survive hiding, reload and restart. Never state of the run.
import type { PanelMessage } from '../protocol/panel';

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();

export interface ViewState {
  /** The run that this belongs to; another run starts afresh. The host's serializer reads it too. */
  run: string;
  picked: string | null;
  /** Parts that the person opened or closed against the default. */
  open: Record<string, boolean>;
  /** Rows shown of long tables, by part. */
  shown: Record<string, number>;
}

export function send(message: PanelMessage): void {
  // The editor's own channel, not a window's: there is no origin to name.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  api.postMessage(message);
}

export function emptyView(run: string): ViewState {
  return { run, picked: null, open: {}, shown: {} };
}

export function loadView(): ViewState {
  const saved = api.getState() as Partial<ViewState> | undefined | null;
  const view = emptyView(typeof saved?.run === 'string' ? saved.run : '');
  if (typeof saved?.picked === 'string') view.picked = saved.picked;
  if (typeof saved?.open === 'object' && saved.open !== null) view.open = { ...saved.open };
  if (typeof saved?.shown === 'object' && saved.shown !== null) view.shown = { ...saved.shown };
  return view;
}

/** Keeps what the host may have put beside our part of the state. */
export function saveView(view: ViewState): void {
  const saved = api.getState();
  const beside = typeof saved === 'object' && saved !== null ? saved : {};
  api.setState({ ...beside, ...view });
}
