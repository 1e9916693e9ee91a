import { testRightResultsOn } from './right-results.ts';

testRightResultsOn(2);
