import type { StaticCheck } from './check.ts';

export const checkR6: StaticCheck = ({ code }) => code?.problems ?? [];
