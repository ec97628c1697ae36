// Prints what Google's CSP Evaluator finds in the policy given, a line each:
// severity, directive and description.
import evaluator from 'csp_evaluator';
import finding from 'csp_evaluator/dist/finding.js';
import parser from 'csp_evaluator/dist/parser.js';

const { CspEvaluator } = evaluator;
const { Severity } = finding;
const { CspParser } = parser;
for (const found of new CspEvaluator(new CspParser(process.argv[2]).csp).evaluate()) {
  console.log([Severity[found.severity], found.directive, found.value ?? '', found.description].join('\t'));
}
