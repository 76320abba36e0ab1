import mark from '../mark.svg';

/** The product's mark. Its name is shown next to it. */
export function Mark({ size }: { size: number }) {
  return <img src={mark} width={size} height={size} alt="" />;
}
