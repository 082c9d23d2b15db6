"""How uploads read to the people who send them."""

from payments.uploads.rules import Format, UploadState

STATE_TEXTS: dict[UploadState, str] = {
    "mapping": "Waits for its columns",
    "reading": "Being read",
    "validating": "Being checked",
    "comparing": "Being compared",
    "faulty": "Has errors",
    "creating": "Payments are being made",
    "created": "Finished",
    "refused": "Refused",
    "abandoned": "Given up",
}
STATE_COLOURS: dict[UploadState, str] = {
    "mapping": "orange",
    "reading": "yellow",
    "validating": "yellow",
    "comparing": "yellow",
    "faulty": "orange",
    "creating": "yellow",
    "created": "green",
    "refused": "red",
    "abandoned": "grey",
}
FORMAT_TEXTS: dict[Format, str] = {
    "csv": "CSV with a heading",
    "bureau_csv": "CSV of a bureau, ten columns without a heading",
    "standard18": "Bacs Standard 18",
    "pain001": "ISO 20022 pain.001 (.03, .08 or .09)",
    "xlsx": "Excel workbook (.xlsx)",
}
STAGE_TEXTS = {
    "validating": "Checking every row",
    "comparing": "Comparing with earlier payments and the sanctions list",
    "creating": "Making payments",
}
EVENT_TEXTS = {
    "received": "File received",
    "mapping_needed": "The columns have to be named",
    "mapped": "Columns named",
    "read": "File read, totals agree",
    "read_again": "Read again from the stored bytes",
    "refused": "File refused",
    "faulty": "Errors found",
    "corrected": "Corrected rows received",
    "dropped": "Bad rows dropped",
    "abandoned": "Given up",
    "created": "Payments made",
    "content_deleted": "Its bytes were deleted, because nothing is paid of it",
}
WARNING_TEXTS = {
    "windows_1252": "The file is not UTF-8 and was read as Windows-1252. Check names with accents.",
    "no_date": "Rows without a date: paid on the entry day of this upload.",
    "processing_days": "Processing days in the file are not used. The entry day is this upload's.",
    "entry_day_past": "The entry day is in the past.",
    "reference_cut": "References longer than 18 characters were cut.",
    "name_characters": "Names with characters that Bacs does not carry: the bank sees blanks.",
    "name_cut": "Names longer than 18 characters: the bank sees the first 18.",
    "reference_characters": "Characters that Bacs does not carry were replaced in references.",
    "reference_poor": "References shorter than 7 characters, of one repeated character or beginning"
    " with DDIC: some banks drop them.",
    "modulus_not_checked": "Account numbers were not checked: this installation has no modulus"
    " weight tables.",
    "not_screened": "Names were not screened: no sanctions list is loaded.",
    "names_not_checked": "Names that no bank has confirmed in the last 90 days.",
}
HOLD_TEXTS = {
    "duplicate": "Same account, amount and reference as another payment",
    "same_invoice": "Same invoice and payee as another payment",
    "several_names": "One account under several names",
    "possible_match": "Check of the payee's name",
    "confirmed_match": "Stopped by a check of the payee's name",
    "not_screened": "Not screened",
}
FIELD_TEXTS = {
    "row": "Row",
    "amount": "Amount",
    "payee_name": "Payee",
    "account_type": "Account type",
    "reference": "Reference",
    "sort_code": "Sort code",
    "account_number": "Account number",
    "roll_number": "Roll number",
    "payee_id": "Payee id",
    "gl_code": "GL code",
    "invoice_reference": "Invoice reference",
    "invoice_received_date": "Invoice received",
    "execution_date": "Day of payment",
    "end_to_end_id": "End-to-end id",
    "currency": "Currency",
}
