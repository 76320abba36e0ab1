import { NativeSelect, TextInput } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';

interface FilterFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** A text filter: it applies once Enter is pressed or the field loses focus. */
export function TextFilterField({ label, value, onChange }: FilterFieldProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onChange(text.trim());
  };
  return (
    <form onSubmit={submit} style={{ flex: '1 1 140px', maxWidth: 320 }}>
      <TextInput
        label={label}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={() => text.trim() !== value && onChange(text.trim())}
        autoComplete="off"
        spellCheck={false}
      />
    </form>
  );
}

/** A filter with fixed options. */
export function SelectFilterField(props: FilterFieldProps & { options: readonly { value: string; label: string }[] }) {
  return (
    <NativeSelect
      label={props.label}
      value={props.value}
      data={[...props.options]}
      onChange={(event) => props.onChange(event.currentTarget.value)}
      flex={{ base: '1 1 40%', sm: '0 1 auto' }}
    />
  );
}
