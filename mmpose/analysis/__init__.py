"""Why an evaluation is as it is: kinds of errors, reliability, and the report that shows them."""
