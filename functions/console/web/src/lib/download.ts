// Saves a text as a file. It is plain text whatever it holds: a browser must not open what a
// stranger wrote as a page.

/** A name for a file, of letters that every system takes. */
export function fileName(...parts: string[]): string {
  return parts
    .map((part) => part.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 80))
    .join('-')
    .replace(/^\.+/, '_');
}

export function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/plain;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
