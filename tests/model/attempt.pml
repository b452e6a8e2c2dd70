/*
 * attempt.pml - the life of refund attempts on one transaction, for spin.
 *
 * Two nodes with an operator each, two resolvers, a bank that loses, delays and cuts, a callback that only wakes.
 * Every journal statement is one atomic step (one transaction).  A node may die between any two steps.
 *
 * One assumption about time, the only one: once settle_s has passed since an attempt was recorded, its Initiate is
 * not on its way any more (core/refund.c refuses to send later than the bank's time limit, and the bank does not
 * keep a request for ten minutes).  aged[] says that settle_s has passed.
 */
#define ATTEMPTS 3
#define NODES 2
#define NOBODY 255

mtype = { nothing, intent, unknown, refunded, rejected, not_sent, not_refunded };

/* the journal */
byte recorded = 0;            /* attempts so far */
byte open = NOBODY;           /* table open_attempt */
mtype outcome[ATTEMPTS];
mtype resolution[ATTEMPTS];
byte contradictions = 0;
bool aged[ATTEMPTS];

/* the world */
byte wire[ATTEMPTS];          /* Initiates that left, per attempt */
bool executed[ATTEMPTS];
bool gone[ATTEMPTS];          /* the Initiate is not on its way any more, or never will be */
bool credited = false;
byte credits = 0;
chan to_bank = [2] of { byte };
mtype answer[ATTEMPTS];

/* One transaction of journal_finish: outcome once, resolution once, else a contradiction. */
inline settle(id, what) {
    if
    :: resolution[id] == nothing ->
        resolution[id] = what;
        assert(what != refunded || executed[id] || credited);
        assert(what != not_refunded || !executed[id]);   /* promise 3 */
        assert(open == id);
        open = NOBODY
    :: resolution[id] != nothing && resolution[id] != what -> contradictions++
    :: else -> skip
    fi
}

inline finish(id, what) {
    if
    :: outcome[id] == intent -> outcome[id] = what
    :: else -> skip                                      /* taken over meanwhile: unknown stays */
    fi;
    if
    :: what == refunded -> settle(id, refunded)
    :: what == rejected || what == not_sent -> settle(id, not_refunded)
    :: else -> skip
    fi
}

proctype Desk() {
    byte id;
    do
    :: atomic { recorded < ATTEMPTS && open == NOBODY ->  /* journal_begin */
            id = recorded;
            recorded++;
            open = id;
            outcome[id] = intent;
            resolution[id] = nothing;
            answer[id] = nothing }
        if
        :: atomic { gone[id] = true; goto dead }          /* dies before the call */
        :: atomic { gone[id] = true; finish(id, not_sent) }
        :: atomic { assert(outcome[id] != nothing);       /* promise 1 */
                wire[id]++;
                assert(wire[id] <= 1);                    /* promise 2 */
                to_bank!id }
            if
            :: goto dead                                  /* dies while it waits */
            :: atomic { answer[id] != nothing -> finish(id, answer[id]) }
            :: atomic { finish(id, unknown) }             /* time-out, reset, cut short */
                if                                        /* a late answer is read by nobody */
                :: skip
                :: goto dead
                fi
            fi
        fi
    :: recorded == ATTEMPTS -> break
    :: credited && open == NOBODY -> break
    od;
dead:
    skip
}

proctype Bank() {
    byte id;
end:
    do
    :: to_bank?id ->
        if
        :: atomic { gone[id] = true }                     /* lost on the way */
        :: atomic { !credited -> credited = true; credits++; assert(credits == 1);
                executed[id] = true; gone[id] = true;
                if
                :: answer[id] = refunded
                :: skip                                   /* the answer is lost */
                fi }
        :: atomic { gone[id] = true; answer[id] = rejected } /* wrong OTP, already refunded */
        fi
    od
}

/* Any node's resolver: takes over what was left, asks, applies the rule of core/rule.c. */
proctype Resolver() {
    byte id;
    bool was_aged, saw_credited;
end:
    do
    :: atomic { open != NOBODY && outcome[open] == intent -> outcome[open] = unknown } /* past its deadline */
    :: atomic { open != NOBODY && outcome[open] != intent ->  /* due, woken or asked: the inquiry's intent */
            id = open; was_aged = aged[id] }
        atomic { saw_credited = credited }                /* the bank's word, at some later moment */
        atomic {
            if
            :: saw_credited -> settle(id, refunded)
            :: !saw_credited && was_aged -> settle(id, not_refunded)
            :: else -> skip                               /* ask again */
            fi }
    od
}

/* settle_s passes, see the assumption above. */
proctype Clock() {
    byte i;
end:
    do
    :: atomic { i < recorded && gone[i] && !aged[i] -> aged[i] = true }
    :: atomic { i + 1 < recorded -> i++ }
    od
}

init {
    atomic {
        byte i;
        for (i : 0 .. ATTEMPTS - 1) { outcome[i] = nothing; resolution[i] = nothing; answer[i] = nothing }
        run Desk();
        run Desk();
        run Bank();
        run Resolver();
        run Resolver();
        run Clock()
    }
}

/* Promise 4: whatever is open is settled in the end, as long as the resolvers and the bank go on. */
ltl settled { [] (open != NOBODY -> <> (open == NOBODY)) }
