/*
 * attempt.pml - the life of refund attempts on one transaction, for spin.
 *
 * Two nodes with an operator each, two resolvers, a bank that loses, delays and cuts, a callback that only wakes.
 * Every journal statement is one atomic step (one transaction).  A node may die between any two steps.
 *
 * One assumption about time, the only one: once settle_s has passed since an attempt was recorded, and its answer is
 * not awaited any more (it has an outcome, or its deadline is over), its Initiate is not on its way any more
 * (core/refund.c refuses to send later than the bank's time limit, and the bank does not keep a request for ten
 * minutes).  aged[] says that settle_s has passed, over[] the deadline: either may come first.
 *
 * Each step of the journal is a row of transitions.tsv: "took" (table.pml, made from it by run.sh) fails for any
 * other, and tells at the end which rows were taken.  test_transitions drives the code by the same rows.
 */
#include "table.pml"
#define ATTEMPTS 2
#define NODES 2
#define NOBODY 255


/* the journal */
byte recorded = 0;            /* attempts so far */
byte open = NOBODY;           /* table open_attempt */
byte outcome[ATTEMPTS];
byte late[ATTEMPTS];          /* table late_answer */
byte resolution[ATTEMPTS];
byte by[ATTEMPTS];
bool aged[ATTEMPTS];
bool over[ATTEMPTS];
bool doubt[ATTEMPTS];         /* its resolution is contradicted */

/* a step of the journal: state before, and what it does besides changing the state */
int before = 0, after = 0;
byte what_event = 0;
byte act = 0;
bool in_table = true;

/* the world */
byte wire[ATTEMPTS];          /* Initiates that left, per attempt */
bool executed[ATTEMPTS];
bool gone[ATTEMPTS];          /* the Initiate is not on its way any more, or never will be */
bool credited = false;
byte credits = 0;
chan to_bank = [2] of { byte };
byte answer[ATTEMPTS];

#define AWAITED(id) (outcome[id] == intent && !over[id])
#define STATE(id) (outcome[id] + 8 * late[id] + 64 * resolution[id] + 512 * by[id])

/* The step just made is a row of the table. */
inline told(id, event) {
    after = STATE(id);
    what_event = event;
    c_code { now.in_table = took(now.before, now.what_event, now.after, now.act); };
    assert(in_table);
    before = 0; after = 0; what_event = 0; act = nothing
}

/* One transaction of journal_finish: outcome once, resolution once, else a contradiction. */
inline settle(id, what, how) {
    if
    :: resolution[id] == nothing ->
        resolution[id] = what;
        by[id] = how;
        assert(what != refunded || executed[id] || credited);
        assert(what != not_refunded || !executed[id]);   /* promise 3 */
        assert(open == id);
        open = NOBODY
    :: resolution[id] != nothing && resolution[id] != what -> act = contradiction; doubt[id] = true
    :: else -> skip
    fi
}

inline finish(id, what, event) {
    before = STATE(id);
    if
    :: outcome[id] == intent -> outcome[id] = what
    :: outcome[id] == unknown && what != unknown -> late[id] = what
    :: else -> skip                                      /* taken over meanwhile: unknown stays */
    fi;
    if
    :: what == refunded -> settle(id, refunded, answered)
    :: what == rejected || what == not_sent -> settle(id, not_refunded, answered)
    :: else -> skip
    fi;
    told(id, event)
}

proctype Desk() {
    byte id;
    do
    :: atomic { recorded < ATTEMPTS && open == NOBODY ->  /* journal_begin */
            if
            :: recorded > 0 && resolution[recorded - 1] == refunded && !doubt[recorded - 1] ->
                before = STATE(recorded - 1); act = refused; told(recorded - 1, begin);
                goto dead                                 /* refunded once: 0008 */
            :: recorded > 0 && resolution[recorded - 1] == refunded && doubt[recorded - 1] ->
                before = STATE(recorded - 1); act = begun; told(recorded - 1, begin_in_doubt)
            :: recorded > 0 && resolution[recorded - 1] != refunded ->
                before = STATE(recorded - 1); act = begun; told(recorded - 1, begin)
            :: else -> skip
            fi;
            id = recorded;
            recorded++;
            open = id;
            before = STATE(id);
            outcome[id] = intent;
            told(id, begin) }
        if
        :: atomic { gone[id] = true; goto dead }          /* dies before the call */
        :: atomic { gone[id] = true; finish(id, not_sent, answer_not_sent) }
        :: atomic { assert(outcome[id] != nothing);       /* promise 1 */
                wire[id]++;
                assert(wire[id] <= 1);                    /* promise 2 */
                to_bank!id }
            if
            :: goto dead                                  /* dies while it waits */
            :: atomic { answer[id] == refunded -> finish(id, refunded, answer_refunded) }
            :: atomic { answer[id] == rejected -> finish(id, rejected, answer_rejected) }
            :: atomic { finish(id, unknown, answer_unknown) } /* time-out, reset, cut short */
                if                                        /* a late answer is read by nobody */
                :: skip
                :: goto dead
                fi
            fi
        fi
    :: atomic { open != NOBODY ->                         /* the second operator is told who is at it */
            before = STATE(open); act = busy; told(open, begin) }
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

/* Any node's resolver, or a person who asks while the answer is awaited: takes over what was left, asks, applies the
   rule of core/rule.c. */
proctype Resolver() {
    byte id;
    bool was_aged, saw_credited;
end:
    do
    :: atomic { open != NOBODY && outcome[open] == intent ->  /* past its deadline */
            before = STATE(open); outcome[open] = unknown; told(open, take_over) }
    :: atomic { open != NOBODY && (!aged[open] || AWAITED(open) || gone[open]) -> /* the assumption */
            id = open;                                    /* due, woken or asked: the inquiry's intent */
            was_aged = aged[id] && !AWAITED(id) }
        atomic { saw_credited = credited }                /* the bank's word, at some later moment */
        atomic {
            before = STATE(id);
            if
            :: saw_credited -> settle(id, refunded, inquired); told(id, inquiry_refunded)
            :: !saw_credited && was_aged -> settle(id, not_refunded, inquired); told(id, inquiry_pending_old)
            :: !saw_credited && !was_aged -> told(id, inquiry_pending_young)
            :: told(id, inquiry_unproven)                 /* no answer, or the bank is still at it: ask again */
            fi;
            id = 0; was_aged = false; saw_credited = false }
    od
}

/* Somebody asks when all is settled, and the bank says "refunded". */
proctype Asker() {
    byte i;
end:
    do
    :: atomic { open == NOBODY && recorded > 0 && credited ->
            i = recorded - 1;
            do                                            /* 0006: resolution_check */
            :: i > 0 && by[i] == answered && resolution[i] == not_refunded -> i--
            :: else -> break
            od;
            before = STATE(i);
            if
            :: resolution[i] == not_refunded && by[i] == inquired -> act = contradiction; doubt[i] = true
            :: else -> skip
            fi;
            told(i, recheck_refunded);
            i = 0 }
    od
}

/* The bank refunds through another channel. */
proctype Elsewhere() {
    if
    :: atomic { !credited -> credited = true; credits++; assert(credits == 1) }
    :: true -> skip
    fi
}

/* settle_s and the deadline pass. */
proctype Clock() {
    byte i;
end:
    do
    :: atomic { i < recorded && !aged[i] -> aged[i] = true }
    :: atomic { i < recorded && !over[i] -> over[i] = true }
    :: atomic { i + 1 < recorded -> i++ }
    od
}

init {
    atomic {
        act = nothing;
        run Desk();
        run Desk();
        run Bank();
        run Resolver();
        run Resolver();
        run Asker();
        run Elsewhere();
        run Clock()
    }
}

/* Promise 4: whatever is open is settled in the end, as long as the resolvers and the bank go on. */
ltl settled { [] (open != NOBODY -> <> (open == NOBODY)) }
