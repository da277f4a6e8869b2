// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Elements} from "./Elements.sol";
import {IDisputes, ProgramHeader, Task} from "./IDisputes.sol";
import {Agreed, IReferee, ItemFacts, JoinOpening, Opening} from "./IReferee.sol";
import {ScalarMachine} from "./ScalarMachine.sol";
import {Trees} from "./Trees.sol";

/// @title Disputes about claimed histories
/// @notice Claims, and the game that ends a dispute about one (docs/disputes.md, docs/dispute-moves.md). The same state
/// machine is `packages/proof/src/game.ts`. Coins are credited and withdrawn; no move sends any. Nobody has a power
/// over a running dispute, not even whoever deployed this.
contract Disputes is IDisputes {
    // Times, bonds and gas: hard bounds that no task can pass -------------------------------------------------------

    uint256 public constant MAX_TIME = 30 days;
    uint256 public constant MAX_WINDOW = 90 days;
    uint256 public constant MAX_STEPS = 2 ** 48;
    uint256 public constant MAX_SEGMENT = 2 ** 20;
    /// @notice The most gas that the winner of a dispute gets back: what an honest side needs at worst.
    uint256 public constant GAS_BUDGET = 2_000_000;
    /// @notice The reward's share is in these parts.
    uint256 public constant PARTS = 10_000;
    /// What of the loser's bond neither side gets, however dear the winner's gas was.
    uint256 private constant LOST_SHARE = 1_000;

    /// How long the encoding of a Task is.
    uint256 private constant TERMS_LENGTH = 19 * 32;
    uint256 private constant BLOCK = 256;
    uint256 private constant LEAF = 256;

    uint8 private constant CLAIMANT = 0;
    uint8 private constant CHALLENGER = 1;

    uint8 private constant HISTORY = 0;
    uint8 private constant SEGMENT = 1;
    uint8 private constant STEP = 2;
    uint8 private constant TENSOR = 3;
    uint8 private constant IN_LEAF = 4;
    uint8 private constant COMBINE = 5;
    uint8 private constant RUN = 6;

    uint8 private constant MAP = 0;
    uint8 private constant BLOCKED = 1;
    uint8 private constant SCAN = 3;
    uint8 private constant JOIN = 4;

    // Metering: gas around what can be measured. Writing the figure down costs one store more.
    uint256 private constant TRANSACTION_GAS = 21_000;
    uint256 private constant UNSEEN_GAS = 1_500; // the call's dispatch, the figure's own arithmetic, the end
    uint256 private constant FIRST_STORE_GAS = 20_000;
    uint256 private constant NEXT_STORE_GAS = 2_900;

    IReferee public immutable referee;
    address public immutable treasury;
    /// @notice The winner's reward, as a share of the loser's bond in PARTS.
    uint256 public immutable rewardShare;
    /// @notice The highest price in wei at which gas is given back.
    uint256 public immutable gasPriceCap;
    /// @notice The least that a task can set for each of its times, in seconds.
    uint256 public immutable minimumTime;
    /// @notice The least bond: it pays for the other side's gas at worst and the reward, and a tenth is lost to both.
    uint256 public immutable minimumBond;

    mapping(bytes32 task => TaskTerms) private _tasks;
    mapping(bytes32 claim => Claim) private _claims;
    mapping(uint256 dispute => Dispute) private _disputes;
    /// @notice Disputes are numbered from 1.
    uint256 public disputeCount;
    mapping(address account => uint256) public credit;

    /// @param rewardShare_ The winner's share of the loser's bond, in PARTS
    /// @param gasPriceCap_ The highest price in wei at which gas is given back
    /// @param minimumTime_ The least that a task can set for each of its times, in seconds
    constructor(
        IReferee referee_,
        address treasury_,
        uint256 rewardShare_,
        uint256 gasPriceCap_,
        uint256 minimumTime_
    ) {
        if (address(referee_).code.length == 0) {
            revert WrongParameter("referee", 0, 1, type(uint256).max);
        }
        if (treasury_ == address(0)) revert WrongParameter("treasury", 0, 1, type(uint160).max);
        _within("rewardShare", rewardShare_, 500, 5_000);
        _within("gasPriceCap", gasPriceCap_, 1_000_000, 10_000 gwei);
        _within("minimumTime", minimumTime_, 1, 7 days);
        referee = referee_;
        treasury = treasury_;
        rewardShare = rewardShare_;
        gasPriceCap = gasPriceCap_;
        minimumTime = minimumTime_;
        uint256 rest = PARTS - rewardShare_ - LOST_SHARE;
        minimumBond = (GAS_BUDGET * gasPriceCap_ * PARTS + rest - 1) / rest;
    }

    // Tasks and claims ----------------------------------------------------------------------------------------------

    /// @inheritdoc IDisputes
    function createTask(Task calldata terms) external returns (bytes32 task) {
        ProgramHeader calldata header = terms.header;
        _within("version", header.version, 1, 1);
        _within("nodes", header.nodes, 1, 16_384);
        _within("states", header.states, 0, 4_096);
        _within("inputs", header.inputs, 0, 4_096);
        _within("outputs", header.outputs, 0, 4_096);
        uint256 items = header.nodes + _joins(header.states) + _joins(header.outputs) + 1;
        _within("items", header.items, items, items);
        _within("steps", terms.steps, 1, MAX_STEPS);
        _within("segmentLength", terms.segmentLength, 1, MAX_SEGMENT);
        _within("window", terms.window, minimumTime, MAX_WINDOW);
        _within("clock", terms.clock, minimumTime, MAX_TIME);
        _within("moveTime", terms.moveTime, minimumTime, MAX_TIME);
        _within("stepTime", terms.stepTime, terms.moveTime, MAX_TIME);
        _within("segmentTime", terms.segmentTime, terms.stepTime, MAX_TIME);
        _within("bond", terms.bond, minimumBond, type(uint96).max);

        // The terms are of static types: the calldata is their encoding.
        task = keccak256(msg.data[4:4 + TERMS_LENGTH]);
        TaskTerms storage kept = _tasks[task];
        if (kept.bond != 0) revert AlreadyExists(task);
        kept.program = sha256(
            abi.encodePacked(
                uint8(4),
                header.version,
                header.nodes,
                header.items,
                header.states,
                header.inputs,
                header.outputs,
                header.interfaceDigest,
                header.itemsRoot
            )
        );
        kept.itemsRoot = header.itemsRoot;
        kept.initialItem = terms.initialItem;
        kept.inputsRoot = terms.inputsRoot;
        kept.nodes = header.nodes;
        kept.items = header.items;
        kept.states = header.states;
        kept.inputs = header.inputs;
        kept.steps = terms.steps;
        kept.segmentLength = terms.segmentLength;
        kept.clock = terms.clock;
        kept.moveTime = terms.moveTime;
        kept.segmentTime = terms.segmentTime;
        kept.stepTime = terms.stepTime;
        kept.window = terms.window;
        kept.bond = terms.bond;
        kept.createdBlock = uint64(block.number);
        emit TaskCreated(task, kept.program, terms);
    }

    /// @inheritdoc IDisputes
    function claim(bytes32 task, bytes32 root) external payable returns (bytes32 id) {
        TaskTerms storage terms = _valid(task);
        if (msg.value != terms.bond) revert WrongBond(msg.value, terms.bond);
        if (root == 0) revert WrongParameter("root", 0, 1, type(uint256).max);
        id = keccak256(abi.encode(task, root, msg.sender));
        Claim storage made = _claims[id];
        if (made.status != ClaimStatus.None) revert AlreadyExists(id);
        made.task = task;
        made.root = root;
        made.claimant = msg.sender;
        made.until = uint40(block.timestamp + terms.window);
        made.status = ClaimStatus.Standing;
        emit Claimed(id, task, msg.sender, root, made.until);
    }

    /// @inheritdoc IDisputes
    function finalize(bytes32 id) external {
        Claim storage ended = _standing(id);
        TaskTerms storage terms = _valid(ended.task);
        if (block.timestamp < ended.until) revert WindowOpen(id, ended.until);
        if (ended.open != 0) revert DisputesOpen(id, ended.open);
        ended.status = ClaimStatus.Final;
        emit ClaimEnded(id, ClaimStatus.Final);
        _credit(ended.claimant, terms.bond);
    }

    /// @inheritdoc IDisputes
    function release(bytes32 id) external {
        Claim storage ended = _standing(id);
        TaskTerms storage terms = _tasks[ended.task];
        if (!terms.invalid) revert WrongClaimStatus(id, ended.status);
        ended.status = ClaimStatus.Void;
        emit ClaimEnded(id, ClaimStatus.Void);
        _credit(ended.claimant, terms.bond);
    }

    /// @inheritdoc IDisputes
    function withdraw(address to) external {
        uint256 amount = credit[msg.sender];
        if (amount == 0) revert NothingCredited(msg.sender);
        credit[msg.sender] = 0;
        emit Withdrawn(msg.sender, to, amount);
        (bool paid,) = to.call{value: amount}("");
        if (!paid) revert PaymentFailed(to, amount);
    }

    // Opening and ending disputes -------------------------------------------------------------------------------------

    /// @inheritdoc IDisputes
    function challenge(bytes32 id) external payable returns (uint256 number) {
        uint256 start = gasleft();
        Dispute storage dispute;
        TaskTerms storage terms;
        (number, dispute, terms) = _open(id);
        Place memory place;
        place.outcome = Outcome.Open;
        bytes32 root = _claims[id].root;
        dispute.agreed = terms.initialItem;
        uint256 count = _checkpoints(terms);
        emit HistoryChallenged(number, id, msg.sender, block.timestamp);
        if (count == 1) {
            _enterSegment(terms, place, 0);
        } else {
            dispute.root = root;
            place.phase = HISTORY;
            place.height = uint8(Trees.depth(count));
        }
        place.waiting = terms.clock;
        _begin(dispute, terms, place, terms.clock, CLAIMANT, root);
        _meter(dispute, CHALLENGER, start);
    }

    /// @inheritdoc IDisputes
    function challengeSegment(
        bytes32 id,
        uint64 segment,
        bytes32 checkpoint,
        bytes32[] calldata checkpointPath,
        bytes32 predecessor,
        bytes32[] calldata predecessorPath
    ) external payable returns (uint256 number) {
        uint256 start = gasleft();
        Dispute storage dispute;
        TaskTerms storage terms;
        (number, dispute, terms) = _open(id);
        Place memory place;
        place.outcome = Outcome.Open;
        {
            uint256 count = _checkpoints(terms);
            bytes32 root = _claims[id].root;
            _proveItem(root, count, segment, checkpoint, checkpointPath);
            bytes32 first = terms.initialItem;
            dispute.agreed = _before(first, root, count, segment, predecessor, predecessorPath);
        }
        emit SegmentChallenged(
            number, id, msg.sender, block.timestamp, segment, checkpoint, checkpointPath, predecessor, predecessorPath
        );
        _enterSegment(terms, place, segment);
        place.waiting = terms.clock;
        _begin(dispute, terms, place, terms.clock, CLAIMANT, checkpoint);
        _meter(dispute, CHALLENGER, start);
    }

    /// @inheritdoc IDisputes
    function timeout(uint256 number) external {
        uint256 start = gasleft();
        Dispute storage dispute = _disputes[number];
        Place memory place = _running(number, dispute);
        if (block.timestamp <= place.deadline) revert NotLate(block.timestamp, place.deadline);
        _decide(number, dispute, place.turn == CLAIMANT ? CHALLENGER : CLAIMANT, start, true);
    }

    /// @inheritdoc IDisputes
    function close(uint256 number) external {
        Dispute storage dispute = _disputes[number];
        Outcome outcome = dispute.place.outcome;
        if (outcome != Outcome.Open) revert DisputeOver(number, outcome);
        Claim storage fallen = _claims[dispute.claim];
        if (fallen.status != ClaimStatus.Fallen && fallen.status != ClaimStatus.Void) {
            revert WrongClaimStatus(dispute.claim, fallen.status);
        }
        dispute.place.outcome = Outcome.Closed;
        emit Decided(number, dispute.at, block.timestamp, Outcome.Closed, false);
        uint256 spent = _spent(dispute.gas, CHALLENGER);
        uint256 pot = fallen.pot;
        if (spent > pot) spent = pot;
        pot -= spent;
        uint256 open = --fallen.open;
        if (open == 0 && pot != 0) {
            _credit(treasury, pot);
            pot = 0;
        }
        fallen.pot = uint128(pot);
        _credit(dispute.challenger, _tasks[fallen.task].bond + spent);
    }

    // The claimant's moves --------------------------------------------------------------------------------------------

    /// @inheritdoc IDisputes
    function postChildren(uint256 number, bytes32 at, bytes32[] calldata children, bytes32[] calldata lastPath)
        external
    {
        uint256 start = gasleft();
        (Dispute storage dispute, TaskTerms storage terms, Place memory place) = _turn(number, at, CLAIMANT);
        if (place.phase > TENSOR) revert MoveUnexpected(place.phase, place.height);
        uint256 count = _count(dispute, terms, place);
        uint256 levels = place.height < Trees.CUT ? place.height : Trees.CUT;
        if (children.length != 1 << levels) revert WrongLength(children.length, 1 << levels);
        {
            // How many of the children are not wholly past the vector's end.
            uint256 width = _width(place, count, levels);
            for (uint256 i = width; i < children.length; ++i) {
                if (children[i] != 0) revert Unproven(children[i], 0);
            }
        }
        bytes32 disputed = dispute.disputed;
        bytes32 root = Trees.fold(children);
        bool tied = false;
        if (place.phase == HISTORY || place.height != Trees.depth(count)) {
            if (root != disputed) revert Unproven(root, disputed);
        } else {
            if (root == 0) revert Unproven(root, disputed);
            if (place.phase == TENSOR) {
                _checkTensor(dispute, root, disputed);
            } else {
                tied = true;
                _proveItem(root, count, count - 1, disputed, lastPath);
                dispute.root = root;
            }
        }
        if (!tied && lastPath.length != 0) revert WrongLength(lastPath.length, 0);
        emit ChildrenPosted(number, at, block.timestamp, children, lastPath);
        _pass(dispute, terms, place, CHALLENGER, root);
        _meter(dispute, CLAIMANT, start);
    }

    /// @inheritdoc IDisputes
    function postLeaf(uint256 number, bytes32 at, bytes calldata data) external {
        uint256 start = gasleft();
        (Dispute storage dispute, TaskTerms storage terms, Place memory place) = _turn(number, at, CLAIMANT);
        if (place.phase != IN_LEAF) revert MoveUnexpected(place.phase, place.height);
        Node memory node = dispute.node;
        uint256 size = node.elements * Elements.size(node.dtype);
        {
            uint256 left = size - LEAF * place.position;
            if (left > LEAF) left = LEAF;
            if (data.length != left) revert WrongLength(data.length, left);
        }
        bytes32 digest = Trees.leaf(data);
        // The leaf of a tensor of one leaf is known by the tensor's digest only.
        if (size <= LEAF) _checkTensor(dispute, digest, dispute.disputed);
        else if (digest != dispute.disputed) revert Unproven(digest, dispute.disputed);
        emit LeafPosted(number, at, block.timestamp, data);
        _pass(dispute, terms, place, CHALLENGER, digest);
        _meter(dispute, CLAIMANT, start);
    }

    /// @inheritdoc IDisputes
    function postWords(uint256 number, bytes32 at, bytes calldata words) external {
        uint256 start = gasleft();
        (Dispute storage dispute, TaskTerms storage terms, Place memory place) = _turn(number, at, CLAIMANT);
        if (place.phase < COMBINE) revert MoveUnexpected(place.phase, place.height);
        Node memory node = dispute.node;
        uint256 length;
        if (place.phase == RUN) {
            length = 4 * _ceil(node.to - place.position, 1 << (8 * place.height));
        } else {
            (uint256 from, uint256 to) = _below(node.points, place.height, place.position);
            length = 8 * (to - from);
        }
        if (words.length != length) revert WrongLength(words.length, length);
        uint256 last = _wordAt(words, length / 4 - 1);
        if (!node.exact) last = Elements.store(node.dtype, last);
        bytes32 disputed = dispute.disputed;
        if (bytes32(last) != disputed) revert Unproven(bytes32(last), disputed);
        dispute.words = keccak256(words);
        emit WordsPosted(number, at, block.timestamp, words);
        _pass(dispute, terms, place, CHALLENGER, disputed);
        _meter(dispute, CLAIMANT, start);
    }

    // The challenger's answers ----------------------------------------------------------------------------------------

    /// @inheritdoc IDisputes
    function nameChild(uint256 number, bytes32 at, uint256 index, bytes32 digest, bytes32[] calldata siblings)
        external
    {
        uint256 start = gasleft();
        (Dispute storage dispute, TaskTerms storage terms, Place memory place) = _turn(number, at, CHALLENGER);
        _descend(dispute, terms, place, index, digest, siblings);
        if (place.height == 0) {
            if (place.phase != TENSOR) revert MoveUnexpected(place.phase, 0);
            place.phase = IN_LEAF;
            dispute.node.leaf = uint32(place.position);
        }
        emit ChildNamed(number, at, block.timestamp, index, digest, siblings);
        _pass(dispute, terms, place, CLAIMANT, digest);
        _meter(dispute, CHALLENGER, start);
    }

    /// @inheritdoc IDisputes
    function nameItem(
        uint256 number,
        bytes32 at,
        uint256 index,
        bytes32 digest,
        bytes32[] calldata siblings,
        bytes32 predecessor,
        bytes32[] calldata predecessorPath
    ) external {
        uint256 start = gasleft();
        (Dispute storage dispute, TaskTerms storage terms, Place memory place) = _turn(number, at, CHALLENGER);
        if (place.phase > SEGMENT) revert MoveUnexpected(place.phase, place.height);
        uint256 count = _count(dispute, terms, place);
        _descend(dispute, terms, place, index, digest, siblings);
        if (place.height != 0) revert MoveUnexpected(place.phase, place.height);
        dispute.agreed = _before(dispute.agreed, dispute.root, count, place.position, predecessor, predecessorPath);
        emit ItemNamed(number, at, block.timestamp, index, digest, siblings, predecessor, predecessorPath);
        if (place.phase == HISTORY) _enterSegment(terms, place, place.position);
        else _enterStep(terms, place);
        _pass(dispute, terms, place, CLAIMANT, digest);
        _meter(dispute, CHALLENGER, start);
    }

    /// @inheritdoc IDisputes
    function nameNode(
        uint256 number,
        bytes32 at,
        uint256 index,
        bytes32 digest,
        bytes32[] calldata siblings,
        bytes calldata encoding,
        bytes32[] calldata encodingPath
    ) external {
        uint256 start = gasleft();
        (Dispute storage dispute, TaskTerms storage terms, Place memory place) = _turn(number, at, CHALLENGER);
        _descendToItem(dispute, terms, place, index, digest, siblings);
        if (place.position >= terms.nodes) revert MoveUnexpected(place.phase, 0);
        _proveItem(terms.itemsRoot, terms.items, place.position, Trees.leaf(encoding), encodingPath);
        emit NodeNamed(number, at, block.timestamp, index, digest, siblings, encoding, encodingPath);
        ItemFacts memory facts;
        try referee.describe(encoding) returns (ItemFacts memory described) {
            facts = described;
        } catch (bytes memory reason) {
            return _void(number, dispute, reason);
        }
        if (facts.kind == JOIN) {
            return _void(number, dispute, abi.encodeWithSelector(IReferee.InvalidProgram.selector));
        }
        Node memory node;
        node.index = uint16(place.position);
        node.kind = facts.kind;
        node.dtype = facts.dtype;
        node.elements = facts.elements;
        node.points = facts.points;
        dispute.node = node;
        dispute.encoding = keccak256(encoding);
        dispute.header = encoding[1:3 + 4 * uint256(facts.rank)];
        if (facts.kind == SCAN) dispute.item = digest;
        uint256 leaves = _leaves(node);
        place.phase = leaves == 1 ? IN_LEAF : TENSOR;
        place.height = uint8(Trees.depth(leaves));
        place.position = 0;
        _pass(dispute, terms, place, CLAIMANT, digest);
        _meter(dispute, CHALLENGER, start);
    }

    /// @inheritdoc IDisputes
    function judgeJoin(
        uint256 number,
        bytes32 at,
        uint256 index,
        bytes32 digest,
        bytes32[] calldata siblings,
        bytes calldata encoding,
        bytes32[] calldata encodingPath,
        JoinOpening calldata left,
        JoinOpening calldata right
    ) external {
        uint256 start = gasleft();
        (Dispute storage dispute, TaskTerms storage terms, Place memory place) = _turn(number, at, CHALLENGER);
        _descendToItem(dispute, terms, place, index, digest, siblings);
        if (place.position < terms.nodes) revert MoveUnexpected(place.phase, 0);
        _proveItem(terms.itemsRoot, terms.items, place.position, Trees.leaf(encoding), encodingPath);
        Agreed memory agreed = _agreed(dispute, terms, uint16(place.position));
        _judge(number, dispute, abi.encodeCall(IReferee.judgeJoin, (agreed, encoding, left, right)), digest, start);
    }

    /// @inheritdoc IDisputes
    function nameElement(uint256 number, bytes32 at, uint256 index, bytes calldata data) external {
        uint256 start = gasleft();
        (Dispute storage dispute, TaskTerms storage terms, Place memory place) = _turn(number, at, CHALLENGER);
        Node memory node = dispute.node;
        bytes32 bits = _element(dispute, place, node, index, data);
        if (_isJudgedAtOnce(node)) revert MoveUnexpected(place.phase, 0);
        dispute.node.element = node.element;
        emit ElementNamed(number, at, block.timestamp, index, data);
        if (node.kind == BLOCKED && node.points > BLOCK) {
            place.phase = COMBINE;
            place.position = 0;
            place.height = 1;
            for (uint256 entries = node.points; entries > BLOCK; entries = _ceil(entries, BLOCK)) {
                ++place.height;
            }
        } else {
            _enterRun(dispute, place, 0, node.points, 0, false);
        }
        _pass(dispute, terms, place, CLAIMANT, bits);
        _meter(dispute, CHALLENGER, start);
    }

    /// @inheritdoc IDisputes
    function judgeElement(
        uint256 number,
        bytes32 at,
        uint256 index,
        bytes calldata data,
        bytes calldata encoding,
        Opening[] calldata openings
    ) external {
        uint256 start = gasleft();
        (Dispute storage dispute, TaskTerms storage terms, Place memory place) = _turn(number, at, CHALLENGER);
        Node memory node = dispute.node;
        bytes32 bits = _element(dispute, place, node, index, data);
        if (!_isJudgedAtOnce(node)) revert MoveUnexpected(place.phase, 0);
        _checkEncoding(dispute, encoding);
        Agreed memory agreed = _agreed(dispute, terms, node.index);
        agreed.leaf = node.leaf;
        if (node.kind == SCAN) agreed.own = dispute.item;
        _judge(
            number,
            dispute,
            abi.encodeCall(IReferee.judgeElement, (agreed, encoding, node.element, data, openings)),
            bits,
            start
        );
    }

    /// @inheritdoc IDisputes
    function nameWord(uint256 number, bytes32 at, uint256 index, bytes calldata words) external {
        uint256 start = gasleft();
        (Dispute storage dispute, TaskTerms storage terms, Place memory place) = _turn(number, at, CHALLENGER);
        Node memory node = dispute.node;
        (uint256 from, uint256 to, uint256 level) = _behind(dispute, place, node, index, words);
        if (level == 0 && to - from < 2) revert MoveUnexpected(place.phase, place.height);
        bytes32 word = bytes32(_wordAt(words, index));
        emit WordNamed(number, at, block.timestamp, index, words);
        if (level == 0) {
            _enterRun(dispute, place, from, to, _accumulator(place, node, index, words), true);
        } else {
            place.height = uint8(level);
            place.position = uint64(from);
            dispute.node.exact = true;
        }
        _pass(dispute, terms, place, CLAIMANT, word);
        _meter(dispute, CHALLENGER, start);
    }

    /// @inheritdoc IDisputes
    function judgeWord(
        uint256 number,
        bytes32 at,
        uint256 index,
        bytes calldata words,
        bytes calldata encoding,
        Opening[] calldata openings
    ) external {
        uint256 start = gasleft();
        (Dispute storage dispute, TaskTerms storage terms, Place memory place) = _turn(number, at, CHALLENGER);
        Node memory node = dispute.node;
        (uint256 from, uint256 to, uint256 level) = _behind(dispute, place, node, index, words);
        _checkEncoding(dispute, encoding);
        bytes memory question;
        if (place.phase == COMBINE && index % 2 == 1) {
            uint256 accumulator = index == 1 ? 0 : _wordAt(words, index - 2);
            question =
                abi.encodeCall(IReferee.judgeCombine, (encoding, index == 1, accumulator, _wordAt(words, index - 1)));
        } else {
            if (level != 0 || to - from != 1) revert MoveUnexpected(place.phase, place.height);
            uint256 accumulator = _accumulator(place, node, index, words);
            Agreed memory agreed = _agreed(dispute, terms, node.index);
            question = abi.encodeCall(IReferee.judgeStep, (agreed, encoding, node.element, from, accumulator, openings));
        }
        _judge(number, dispute, question, bytes32(_wordAt(words, index)), start);
    }

    // Reading ---------------------------------------------------------------------------------------------------------

    /// @inheritdoc IDisputes
    function getTask(bytes32 task) external view returns (TaskTerms memory) {
        return _tasks[task];
    }

    /// @inheritdoc IDisputes
    function getClaim(bytes32 id) external view returns (Claim memory) {
        return _claims[id];
    }

    /// @inheritdoc IDisputes
    function getDispute(uint256 number) external view returns (Dispute memory) {
        return _disputes[number];
    }

    // Turns -----------------------------------------------------------------------------------------------------------

    function _open(bytes32 id) private returns (uint256 number, Dispute storage dispute, TaskTerms storage terms) {
        Claim storage challenged = _standing(id);
        terms = _valid(challenged.task);
        if (msg.value != terms.bond) revert WrongBond(msg.value, terms.bond);
        if (block.timestamp >= challenged.until) revert WindowClosed(id, challenged.until);
        ++challenged.open;
        number = ++disputeCount;
        dispute = _disputes[number];
        dispute.claim = id;
        dispute.challenger = msg.sender;
        dispute.openedBlock = uint64(block.number);
        dispute.at = keccak256(abi.encode(block.chainid, address(this), number));
    }

    function _running(uint256 number, Dispute storage dispute) private view returns (Place memory place) {
        place = dispute.place;
        if (place.outcome != Outcome.Open) revert DisputeOver(number, place.outcome);
        _valid(_standing(dispute.claim).task);
    }

    /// What every move begins with.
    function _turn(uint256 number, bytes32 at, uint8 side)
        private
        view
        returns (Dispute storage dispute, TaskTerms storage terms, Place memory place)
    {
        dispute = _disputes[number];
        place = _running(number, dispute);
        Claim storage disputed = _claims[dispute.claim];
        terms = _tasks[disputed.task];
        if (at != dispute.at) revert MoveMisplaced(at, dispute.at);
        if (place.turn != side) revert MoveUnexpected(place.phase, place.height);
        address mover = side == CLAIMANT ? disputed.claimant : dispute.challenger;
        if (msg.sender != mover) revert NotYourTurn(msg.sender, mover);
        if (block.timestamp > place.deadline) revert MoveLate(block.timestamp, place.deadline);
    }

    /// Ends a turn and begins the other side's.
    function _pass(Dispute storage dispute, TaskTerms storage terms, Place memory place, uint8 side, bytes32 disputed)
        private
    {
        uint256 clock = place.waiting;
        place.waiting = uint40(place.deadline - block.timestamp);
        _begin(dispute, terms, place, clock, side, disputed);
    }

    function _begin(
        Dispute storage dispute,
        TaskTerms storage terms,
        Place memory place,
        uint256 clock,
        uint8 side,
        bytes32 disputed
    ) private {
        place.turn = side;
        uint256 extension = terms.moveTime;
        if (place.phase == SEGMENT && place.height == Trees.depth(_stepsOf(terms, place.segment))) {
            extension = terms.segmentTime;
        } else if (place.phase == STEP && place.height == Trees.depth(terms.items)) {
            extension = terms.stepTime;
        }
        place.deadline = uint40(block.timestamp + (clock > extension ? clock : extension));
        dispute.place = place;
        dispute.disputed = disputed;
        dispute.at = keccak256(abi.encode(dispute.at, place.phase, side, place.height, place.position, disputed));
    }

    function _enterSegment(TaskTerms storage terms, Place memory place, uint64 segment) private view {
        place.segment = segment;
        uint256 count = _stepsOf(terms, segment);
        if (count == 1) return _enterStep(terms, place);
        place.phase = SEGMENT;
        place.height = uint8(Trees.depth(count));
        place.position = 0;
    }

    function _enterStep(TaskTerms storage terms, Place memory place) private view {
        place.phase = STEP;
        place.height = uint8(Trees.depth(terms.items));
        place.position = 0;
    }

    function _enterRun(
        Dispute storage dispute,
        Place memory place,
        uint256 from,
        uint256 to,
        uint256 accumulator,
        bool exact
    ) private {
        place.phase = RUN;
        place.position = uint64(from);
        place.height = 0;
        while (_ceil(to - from, 1 << (8 * place.height)) > BLOCK) ++place.height;
        Node storage node = dispute.node;
        node.exact = exact;
        node.accumulator = uint32(accumulator);
        node.to = uint32(to);
    }

    /// Goes down to the child that the challenger names and proves.
    function _descend(
        Dispute storage dispute,
        TaskTerms storage terms,
        Place memory place,
        uint256 index,
        bytes32 digest,
        bytes32[] calldata siblings
    ) private view {
        if (place.phase > TENSOR) revert MoveUnexpected(place.phase, place.height);
        uint256 levels = place.height < Trees.CUT ? place.height : Trees.CUT;
        if (siblings.length != levels) revert WrongLength(siblings.length, levels);
        uint256 width = _width(place, _count(dispute, terms, place), levels);
        if (index >= width) revert WrongIndex(index, width);
        bytes32 above = Trees.climb(digest, index, siblings);
        if (above != dispute.disputed) revert Unproven(above, dispute.disputed);
        place.height -= uint8(levels);
        place.position = uint64((place.position << levels) + index);
    }

    function _descendToItem(
        Dispute storage dispute,
        TaskTerms storage terms,
        Place memory place,
        uint256 index,
        bytes32 digest,
        bytes32[] calldata siblings
    ) private view {
        if (place.phase != STEP) revert MoveUnexpected(place.phase, place.height);
        _descend(dispute, terms, place, index, digest, siblings);
        if (place.height != 0) revert MoveUnexpected(place.phase, place.height);
    }

    /// The stored bits of the named element, and in `node` its position.
    function _element(Dispute storage dispute, Place memory place, Node memory node, uint256 index, bytes calldata data)
        private
        view
        returns (bytes32)
    {
        if (place.phase != IN_LEAF) revert MoveUnexpected(place.phase, place.height);
        bytes32 digest = Trees.leaf(data);
        if (digest != dispute.disputed) revert Unproven(digest, dispute.disputed);
        uint256 size = Elements.size(node.dtype);
        if (index >= data.length / size) revert WrongIndex(index, data.length / size);
        node.element = uint32(node.leaf * (LEAF / size) + index);
        uint256 begin;
        assembly ("memory-safe") {
            begin := data.offset
        }
        return bytes32(Elements.bits(node.dtype, begin, index));
    }

    /// What lies behind a posted word: the steps [from, to) where level is 0, else the block value number `from` of that
    /// level. Not looked at for an accumulator of a combination.
    function _behind(Dispute storage dispute, Place memory place, Node memory node, uint256 index, bytes calldata words)
        private
        view
        returns (uint256 from, uint256 to, uint256 level)
    {
        if (place.phase < COMBINE) revert MoveUnexpected(place.phase, place.height);
        bytes32 hash = keccak256(words);
        if (hash != dispute.words) revert Unproven(hash, dispute.words);
        if (index >= words.length / 4) revert WrongIndex(index, words.length / 4);
        if (place.phase == RUN) {
            uint256 stride = 1 << (8 * place.height);
            from = place.position + index * stride;
            to = from + stride;
            if (to > node.to) to = node.to;
        } else if (index % 2 == 0) {
            (from,) = _below(node.points, place.height, place.position);
            from += index / 2;
            level = place.height - 1;
            if (level == 1) {
                (from, to) = _below(node.points, 1, from);
                level = 0;
            }
        }
    }

    /// The accumulator before a posted word. Where that begins with init, the referee does not look at it.
    function _accumulator(Place memory place, Node memory node, uint256 index, bytes calldata words)
        private
        pure
        returns (uint256)
    {
        if (place.phase != RUN) return 0;
        return index == 0 ? node.accumulator : _wordAt(words, index - 1);
    }

    // Judgements ------------------------------------------------------------------------------------------------------

    /// Asks the referee, and gives the dispute to the claimant if the answer is what was claimed.
    function _judge(uint256 number, Dispute storage dispute, bytes memory question, bytes32 claimed, uint256 start)
        private
    {
        (bool answered, bytes memory answer) = address(referee).staticcall(question);
        if (!answered) return _void(number, dispute, answer);
        _decide(number, dispute, bytes32(answer) == claimed ? CLAIMANT : CHALLENGER, start, false);
    }

    /// Ends a dispute for one side. Its gas counts up to here, if it is the one who sent this.
    function _decide(uint256 number, Dispute storage dispute, uint8 winner, uint256 start, bool late) private {
        Claim storage disputed = _claims[dispute.claim];
        Outcome outcome = winner == CLAIMANT ? Outcome.Claimant : Outcome.Challenger;
        dispute.place.outcome = outcome;
        uint256 open = --disputed.open;
        emit Decided(number, dispute.at, block.timestamp, outcome, late);
        uint256 bond = _tasks[disputed.task].bond;
        uint256 reward = bond * rewardShare / PARTS;
        address account = winner == CLAIMANT ? disputed.claimant : dispute.challenger;
        bool shared = winner == CHALLENGER && open != 0;
        if (winner == CHALLENGER) {
            disputed.status = ClaimStatus.Fallen;
            emit ClaimEnded(dispute.claim, ClaimStatus.Fallen);
        }
        uint256 spent = _spent(dispute.gas, winner);
        if (msg.sender == account) {
            // The last stores: one credit here, and one there or the pot.
            uint256 rest = (credit[account] == 0 ? FIRST_STORE_GAS : NEXT_STORE_GAS) + 8_000;
            if (shared) rest += FIRST_STORE_GAS;
            else rest += credit[treasury] == 0 ? FIRST_STORE_GAS : NEXT_STORE_GAS;
            spent += _cost(start, rest);
        }
        // The bond covers both, see minimumBond.
        if (spent > GAS_BUDGET * gasPriceCap) spent = GAS_BUDGET * gasPriceCap;
        uint256 left = bond - reward - spent;
        _credit(account, (winner == CHALLENGER ? bond : 0) + reward + spent);
        if (shared) disputed.pot = uint128(left);
        else _credit(treasury, left);
    }

    /// Ends a dispute, and the task with it, where the program itself proved to be invalid. Any other reason why the
    /// referee gave no answer is a fault of the move.
    function _void(uint256 number, Dispute storage dispute, bytes memory reason) private {
        bytes4 selector = bytes4(reason);
        if (selector != IReferee.InvalidProgram.selector && selector != ScalarMachine.ScalarMalformed.selector) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
        Claim storage disputed = _claims[dispute.claim];
        TaskTerms storage terms = _tasks[disputed.task];
        dispute.place.outcome = Outcome.Void;
        --disputed.open;
        disputed.status = ClaimStatus.Void;
        terms.invalid = true;
        emit Decided(number, dispute.at, block.timestamp, Outcome.Void, false);
        emit ClaimEnded(dispute.claim, ClaimStatus.Void);
        emit TaskInvalid(disputed.task, number);
        _credit(disputed.claimant, terms.bond);
        _credit(dispute.challenger, terms.bond);
    }

    function _agreed(Dispute storage dispute, TaskTerms storage terms, uint16 item)
        private
        view
        returns (Agreed memory agreed)
    {
        agreed.vector = dispute.root;
        agreed.previous = dispute.agreed;
        agreed.inputs = terms.inputsRoot;
        agreed.item = item;
        agreed.items = terms.items;
        agreed.states = terms.states;
        agreed.inputCount = terms.inputs;
    }

    // Proofs ----------------------------------------------------------------------------------------------------------

    /// Whether `digest` is item `position` of the vector of `count` with this root.
    function _proveItem(bytes32 root, uint256 count, uint256 position, bytes32 digest, bytes32[] calldata path)
        private
        view
    {
        if (position >= count) revert WrongIndex(position, count);
        uint256 depth = Trees.depth(count);
        if (path.length != depth) revert WrongLength(path.length, depth);
        bytes32 above = Trees.climb(digest, position, path);
        if (above != root) revert Unproven(above, root);
    }

    /// The item before `position`: opened against the vector's root, or the one before the vector.
    function _before(
        bytes32 first,
        bytes32 root,
        uint256 count,
        uint256 position,
        bytes32 predecessor,
        bytes32[] calldata path
    ) private view returns (bytes32) {
        if (position != 0) {
            _proveItem(root, count, position - 1, predecessor, path);
            return predecessor;
        }
        if (path.length != 0) revert WrongLength(path.length, 0);
        if (predecessor != 0) revert Unproven(predecessor, 0);
        return first;
    }

    function _checkTensor(Dispute storage dispute, bytes32 leavesRoot, bytes32 item) private view {
        bytes32 digest = sha256(abi.encodePacked(uint8(2), dispute.header, leavesRoot));
        if (digest != item) revert Unproven(digest, item);
    }

    function _checkEncoding(Dispute storage dispute, bytes calldata encoding) private view {
        bytes32 hash = keccak256(encoding);
        if (hash != dispute.encoding) revert Unproven(hash, dispute.encoding);
    }

    // Counts ----------------------------------------------------------------------------------------------------------

    /// How many digests the vector has that is descended.
    function _count(Dispute storage dispute, TaskTerms storage terms, Place memory place)
        private
        view
        returns (uint256)
    {
        if (place.phase == HISTORY) return _checkpoints(terms);
        if (place.phase == SEGMENT) return _stepsOf(terms, place.segment);
        if (place.phase == STEP) return terms.items;
        return _leaves(dispute.node);
    }

    /// How many of the digests `levels` below the disputed one are not wholly past the vector's end.
    function _width(Place memory place, uint256 count, uint256 levels) private pure returns (uint256) {
        uint256 width = _ceil(count, 1 << (place.height - levels)) - (uint256(place.position) << levels);
        return width < 1 << levels ? width : 1 << levels;
    }

    function _checkpoints(TaskTerms storage terms) private view returns (uint256) {
        return _ceil(terms.steps, terms.segmentLength);
    }

    function _stepsOf(TaskTerms storage terms, uint256 segment) private view returns (uint256) {
        uint256 length = terms.segmentLength;
        uint256 left = terms.steps - segment * length;
        return left < length ? left : length;
    }

    function _leaves(Node memory node) private pure returns (uint256) {
        return _ceil(node.elements * Elements.size(node.dtype), LEAF);
    }

    function _isJudgedAtOnce(Node memory node) private pure returns (bool) {
        return node.kind == MAP || node.kind == SCAN || node.points < 2;
    }

    /// Which entries of the level below a block value combines; of level 1, which steps it folds.
    function _below(uint256 points, uint256 level, uint256 index) private pure returns (uint256 from, uint256 to) {
        for (uint256 i = 1; i < level; ++i) {
            points = _ceil(points, BLOCK);
        }
        from = index * BLOCK;
        to = from + BLOCK < points ? from + BLOCK : points;
    }

    /// How many joins the tree over `count` digests has.
    function _joins(uint256 count) private pure returns (uint256 joins) {
        while (count > 1) {
            count = _ceil(count, 2);
            joins += count;
        }
    }

    function _ceil(uint256 a, uint256 b) private pure returns (uint256) {
        return (a + b - 1) / b;
    }

    function _wordAt(bytes calldata words, uint256 index) private pure returns (uint256 word) {
        if (4 * index + 4 > words.length) revert WrongIndex(index, words.length / 4);
        assembly ("memory-safe") {
            word := shr(224, calldataload(add(words.offset, shl(2, index))))
        }
    }

    // Money -----------------------------------------------------------------------------------------------------------

    function _credit(address account, uint256 amount) private {
        if (amount == 0) return;
        credit[account] += amount;
        emit Credited(account, amount);
    }

    /// Adds what this transaction has cost to the side's account.
    function _meter(Dispute storage dispute, uint8 side, uint256 start) private {
        uint256 spent = dispute.gas;
        unchecked {
            // Neither half can overflow: 2^128 wei are more than there are.
            dispute.gas = spent + (_cost(start, spent == 0 ? FIRST_STORE_GAS : NEXT_STORE_GAS) << (128 * side));
        }
    }

    function _spent(uint256 gas, uint8 side) private pure returns (uint256) {
        return side == CLAIMANT ? uint128(gas) : gas >> 128;
    }

    /// What a call costs that had `start` gas left, in wei at the block's base fee, at most at the capped price: a tip can
    /// be paid to oneself. The transaction around it counts only where its sender called without any contract between
    /// (an account with delegated code counts as one): calls from a contract share one transaction, and its calldata
    /// costs nothing. The calldata is counted byte by byte: were a zero byte paid like another, padding would earn money.
    function _cost(uint256 start, uint256 rest) private view returns (uint256 gas) {
        uint256 floor;
        if (msg.sender == tx.origin && msg.sender.code.length == 0) {
            uint256 tokens;
            assembly ("memory-safe") {
                let high := 0x8080808080808080808080808080808080808080808080808080808080808080
                let low := 0x7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f
                let ones := 0x0101010101010101010101010101010101010101010101010101010101010101
                for { let i := 0 } lt(i, calldatasize()) { i := add(i, 32) } {
                    let word := calldataload(i)
                    // The high bit of every byte that is not zero, counted by one product. Past the end there are zeros.
                    let marks := and(or(add(and(word, low), low), word), high)
                    tokens := add(tokens, shr(248, mul(shr(7, marks), ones)))
                }
                tokens := add(calldatasize(), mul(3, tokens))
            }
            gas = TRANSACTION_GAS + 4 * tokens;
            floor = TRANSACTION_GAS + 10 * tokens; // EIP-7623
        }
        gas += UNSEEN_GAS + rest + start - gasleft();
        if (gas < floor) gas = floor;
        return gas * (block.basefee < gasPriceCap ? block.basefee : gasPriceCap);
    }

    /// Whether a task's referee says what this contract relies on.
    function _within(bytes32 name, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert WrongParameter(name, value, least, most);
    }

    function _standing(bytes32 id) private view returns (Claim storage standing) {
        standing = _claims[id];
        if (standing.status != ClaimStatus.Standing) revert WrongClaimStatus(id, standing.status);
    }

    function _valid(bytes32 task) private view returns (TaskTerms storage terms) {
        terms = _tasks[task];
        if (terms.bond == 0) revert UnknownTask(task);
        if (terms.invalid) revert InvalidTask(task);
    }
}
