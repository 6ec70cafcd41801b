// The extension's settings with their types, always read anew so that a change takes effect at once.
import * as vscode from 'vscode';
import type { Settings } from './manifest';

const section = 'migratory';

export function setting<K extends keyof Settings>(name: K): Settings[K] {
  // package.json gives every setting a default of its type.
  return vscode.workspace.getConfiguration(section).get<Settings[K]>(name) as Settings[K];
}

/** @param name of a setting, or of a group of them. */
export function onDidChangeSetting(
  name: keyof Settings | 'codeLens' | 'lint',
  listener: () => void,
): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((change) => {
    if (change.affectsConfiguration(`${section}.${name}`)) listener();
  });
}
