// Questions one after the other, with a way back to the one before: boxes to type into, lists to pick from, and the walk
// through them. What is asked is the caller's.
import * as vscode from 'vscode';

/** How a question was left. */
export type Outcome = 'next' | 'back' | 'cancel';

/** Where a question stands among those that are asked. */
export interface Place {
  title: string;
  step: number;
  total: number;
}

export interface Step {
  applies(): boolean;
  ask(place: Place): Promise<Outcome>;
}

/** False when the person backed out. What applies may change with every answer. */
export async function walk(title: string, steps: readonly Step[]): Promise<boolean> {
  let current = steps.find((step) => step.applies());
  while (current) {
    const asked = steps.filter((step) => step === current || step.applies());
    const at = asked.indexOf(current);
    const outcome = await current.ask({ title, step: at + 1, total: asked.length });
    if (outcome === 'cancel') return false;
    // Asked again: an answer decides what comes after it.
    const left = steps.slice(steps.indexOf(current) + 1);
    const before = asked[at - 1];
    if (outcome === 'next') current = left.find((step) => step.applies());
    else if (before) current = before;
    else return false;
  }
  return true;
}

export interface TextQuestion {
  prompt: string;
  value?: string;
  placeHolder?: string;
  /** Hidden while it is typed; a button shows it. */
  secret?: boolean;
  /** Space around it belongs to it. */
  exact?: boolean;
  /** What is wrong, one sentence; undefined when nothing is. */
  problem?(text: string): string | undefined;
  /** A button beside the box, and what it answers with. */
  button?: vscode.QuickInputButton;
}

/** The text without space around it, or how the question was left; `button` when the question's own was pressed. */
export async function askText(
  place: Place,
  question: TextQuestion,
): Promise<{ text: string } | 'back' | 'cancel' | 'button'> {
  const box = vscode.window.createInputBox();
  const { back, shown, hidden } = buttons();
  const secret = question.secret === true;
  prepare(box, place);
  box.prompt = question.prompt;
  box.placeholder = question.placeHolder;
  box.value = question.value ?? '';
  box.password = secret;
  const show = (): void => {
    const eye = secret ? [box.password ? shown : hidden] : [];
    box.buttons = [...(place.step > 1 ? [back] : []), ...eye, ...(question.button ? [question.button] : [])];
  };
  const text = (): string => (question.exact ? box.value : box.value.trim());
  const check = (): string | undefined => question.problem?.(text());
  show();
  try {
    return await new Promise((resolve) => {
      box.onDidChangeValue(() => (box.validationMessage = check()));
      box.onDidTriggerButton((button) => {
        if (button === back) return resolve('back');
        if (button === question.button) return resolve('button');
        box.password = !box.password;
        show();
      });
      box.onDidAccept(() => {
        box.validationMessage = check();
        if (box.validationMessage === undefined) resolve({ text: text() });
      });
      box.onDidHide(() => resolve('cancel'));
      box.show();
    });
  } finally {
    box.dispose();
  }
}

export interface PickQuestion<I extends vscode.QuickPickItem> {
  placeHolder: string;
  items: readonly I[];
  /** The ones that are chosen to begin with: where one is picked the first of them has the focus. */
  chosen: readonly I[];
  many: boolean;
}

/** Everything that was picked, or how the question was left. */
export async function askPick<I extends vscode.QuickPickItem>(
  place: Place,
  question: PickQuestion<I>,
): Promise<{ items: readonly I[] } | 'back' | 'cancel'> {
  const pick = vscode.window.createQuickPick<I>();
  const { back } = buttons();
  prepare(pick, place);
  pick.placeholder = question.placeHolder;
  pick.canSelectMany = question.many;
  pick.items = question.items;
  if (question.many) pick.selectedItems = question.chosen;
  else pick.activeItems = question.chosen;
  pick.buttons = place.step > 1 ? [back] : [];
  try {
    return await new Promise((resolve) => {
      pick.onDidTriggerButton(() => resolve('back'));
      pick.onDidAccept(() => {
        if (question.many || pick.selectedItems.length > 0) resolve({ items: pick.selectedItems });
      });
      pick.onDidHide(() => resolve('cancel'));
      pick.show();
    });
  } finally {
    pick.dispose();
  }
}

/** A person looks something up elsewhere while such a box is open. */
function prepare(input: vscode.QuickInput, { title, step, total }: Place): void {
  input.title = title;
  input.step = step;
  input.totalSteps = total;
  input.ignoreFocusOut = true;
}

function buttons(): Record<'back' | 'shown' | 'hidden', vscode.QuickInputButton> {
  return {
    back: vscode.QuickInputButtons.Back,
    shown: { iconPath: new vscode.ThemeIcon('eye'), tooltip: vscode.l10n.t('Show what is typed') },
    hidden: { iconPath: new vscode.ThemeIcon('eye-closed'), tooltip: vscode.l10n.t('Hide what is typed') },
  };
}
