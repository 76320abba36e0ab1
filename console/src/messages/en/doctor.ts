export const DOCTOR = {
  title: 'Doctor',
  examined: 'Checked',
  again: 'Check again',
  examining: 'Checking Meta and our addresses; this takes a few seconds.',
  states: {
    ok: 'OK',
    attention: 'Attention',
    wrong: 'Failed',
  },
};
