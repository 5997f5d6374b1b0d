// localStorage and sessionStorage may be missing or forbidden in a frame: then the page forgets.

export function remember(storage: 'localStorage' | 'sessionStorage', name: string, value: string | null): void {
  try {
    if (value === null) window[storage].removeItem(name);
    else window[storage].setItem(name, value);
  } catch {
    // Forgotten at the next load, as a private window does.
  }
}

export function recall(storage: 'localStorage' | 'sessionStorage', name: string): string | null {
  try {
    return window[storage].getItem(name);
  } catch {
    return null;
  }
}
