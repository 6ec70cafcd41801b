// The Python of the workspace: our setting, else the interpreter that the Python extension has active. It is not
// started for that.
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import { setting } from './settings';

/** The part of the Python extension's API that is used. */
interface PythonExtension {
  environments?: { getActiveEnvironmentPath?(resource: vscode.Uri): { path?: string } | undefined };
}

/** Undefined where nobody has chosen one. */
export function workspacePython(folder: vscode.WorkspaceFolder): string | undefined {
  const own = setting('python').trim();
  if (own !== '') return own;
  const extension = vscode.extensions.getExtension<PythonExtension>('ms-python.python');
  if (!extension?.isActive) return undefined;
  const path = extension.exports?.environments?.getActiveEnvironmentPath?.(folder.uri)?.path;
  if (path === undefined || path === '') return undefined;
  // An environment may be named by its folder.
  if (/^python[\d.]*(\.exe)?$/i.test(basename(path))) return path;
  return process.platform === 'win32' ? join(path, 'python.exe') : join(path, 'bin', 'python');
}
