// Numbers beside the pages' names, where something needs somebody. The pages that read them set
// them: the frame makes no call of its own.

import { signal } from '@preact/signals';

export const failingWebhooks = signal<number | undefined>(undefined);
export const waitingDeadLetters = signal<number | undefined>(undefined);
