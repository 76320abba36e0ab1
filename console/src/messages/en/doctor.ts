export const DOCTOR = {
  title: 'Doctor',
  examined: 'Checked',
  again: 'Check again',
  examining: 'Meta and our addresses are asked; this takes a few seconds.',
  states: {
    ok: 'Fine',
    attention: 'Look',
    wrong: 'Wrong',
  },
};
