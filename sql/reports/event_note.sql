-- Say something of the events of a rule and subject ('' is all of the rule): ack, or silence until a time.
INSERT INTO event_notes (id, rule, subject, kind, until, user, comment)
SELECT cityHash64({rule:String}, {subject:String}), {rule:String}, {subject:String}, {kind:String},
    fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'), {user:String}, {comment:String}
