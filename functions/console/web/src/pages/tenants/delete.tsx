import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { safeLine } from '../../lib/safe-text';
import { Confirm } from '../../parts/dialog';
import { Field } from '../../parts/field';
import { say } from '../../parts/toast';
import { texts } from '../../texts';
import type { Tenant } from '.';

/** The id has to be typed: this loses more than anything else. */
export function DeleteTenant({ tenant, onClose, onDeleted }: { tenant: Tenant; onClose: () => void; onDeleted: () => void }) {
  const words = texts('operator').tenants;
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState(false);
  const remove = async (): Promise<void> => {
    if (typed.trim() !== tenant.id) {
      setWrong(true);
      return;
    }
    await take(api.DELETE('/v1/tenants/{tenantId}', { params: { path: { tenantId: tenant.id } } }));
    say(words.removed);
    onDeleted();
    onClose();
  };
  return (
    <Confirm title={words.deleting.title(safeLine(tenant.name ?? tenant.id))} action={words.remove} onConfirm={remove} onClose={onClose}>
      <p>{words.deleting.text}</p>
      <Field name="id" label={words.deleting.type(safeLine(tenant.id))} required error={wrong ? words.deleting.wrong : undefined}>
        {(attributes) => (
          <input
            {...attributes}
            class="mono"
            autocomplete="off"
            spellcheck={false}
            value={typed}
            onInput={(event) => {
              setTyped(event.currentTarget.value);
              setWrong(false);
            }}
          />
        )}
      </Field>
    </Confirm>
  );
}
