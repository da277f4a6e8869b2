// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Audits} from "../sol/Audits.sol";
import {CommitRevealDraw} from "../sol/CommitRevealDraw.sol";
import {Delegations} from "../sol/Delegations.sol";
import {IAudits} from "../sol/IAudits.sol";
import {IDelegations} from "../sol/IDelegations.sol";
import {IDisputes, ProgramHeader} from "../sol/IDisputes.sol";
import {IDraw} from "../sol/IDraw.sol";
import {Bid, Charges, IMarket, Post, Slice, Times} from "../sol/IMarket.sol";
import {IReputation} from "../sol/IReputation.sol";
import {IVault} from "../sol/IVault.sol";
import {IVerifiers} from "../sol/IVerifiers.sol";
import {Market} from "../sol/Market.sol";
import {Offices} from "../sol/MarketState.sol";
import {Postings} from "../sol/Postings.sol";
import {Reputation} from "../sol/Reputation.sol";
import {Settlement} from "../sol/Settlement.sol";
import {Token} from "../sol/Token.sol";
import {Vault} from "../sol/Vault.sol";
import {Verifiers} from "../sol/Verifiers.sol";
import {Counting, deployDisputes} from "./Counting.sol";
import {Digests} from "./Items.sol";
import {vm} from "./Vm.sol";

/// @title A whole market on which jobs about counting are carried out
/// @notice Everything is the real contract. Accounts are made of small private keys and are their own node keys.
contract MarketStage {
    address public constant TREASURY = address(0x7ea);
    address public constant GOVERNOR = address(0x60);
    uint256 public constant REQUESTER = 0x100;
    uint256 public constant PROVIDER = 0x200; // and those behind it
    uint256 public constant VERIFIER = 0x300; // and those behind it
    uint256 public constant PERIOD = 20;
    uint256 public constant MINIMUM_TIME = 10;
    uint256 public constant FUNDS = 1_000_000 ether;
    uint16 internal constant GIVEN = 0xffff;

    Token public token;
    Vault public vault;
    Delegations public delegations;
    Verifiers public verifiers;
    CommitRevealDraw public drawing;
    IDisputes public disputes;
    Reputation public reputation;
    Audits public audits;
    Market public market;

    constructor() {
        vm.warp(1_000_000);
        uint256 first = vm.getNonce(address(this));
        // In the order of deployment below.
        address verifiersAt = vm.computeCreateAddress(address(this), first + 3);
        address drawAt = vm.computeCreateAddress(address(this), first + 4);
        address auditsAt = vm.computeCreateAddress(address(this), first + 8);
        address marketAt = vm.computeCreateAddress(address(this), first + 11);
        token = new Token(address(this), 1_000_000_000 ether);
        vault = new Vault(token, marketAt, verifiersAt, address(0x93), 7 days);
        delegations = new Delegations();
        verifiers = new Verifiers(vault, delegations, auditsAt, drawAt, 1_000 ether, 2 * PERIOD + 1);
        drawing = new CommitRevealDraw(verifiers, delegations, auditsAt, TREASURY, PERIOD, 10 ether);
        disputes = deployDisputes(TREASURY, 2_000, 10 gwei, MINIMUM_TIME); // two contracts
        reputation = new Reputation(marketAt, auditsAt, 10 ether);
        audits = new Audits(
            IMarket(marketAt), verifiers, drawing, disputes, delegations, IReputation(address(reputation)), TREASURY
        );
        Offices memory offices = Offices(
            IVault(address(vault)),
            IAudits(address(audits)),
            disputes,
            IDelegations(address(delegations)),
            IReputation(address(reputation)),
            TREASURY
        );
        Settlement settlement = new Settlement(offices);
        market = new Market(offices, settlement, new Postings(), GOVERNOR, MINIMUM_TIME, standardCharges());
        assert(address(market) == marketAt && address(audits) == auditsAt);
        vm.fee(1 gwei);
        vm.txGasPrice(1 gwei);
    }

    // People ----------------------------------------------------------------------------------------------------------

    function provider(uint256 i) public pure returns (address) {
        return vm.addr(PROVIDER + i);
    }

    function verifier(uint256 i) public pure returns (address) {
        return vm.addr(VERIFIER + i);
    }

    function requester() public pure returns (address) {
        return vm.addr(REQUESTER);
    }

    /// Gives an account credit, stake and coins.
    function fund(address account, uint256 credit, uint256 stake) public {
        token.approve(address(vault), credit + stake);
        vault.deposit(account, credit + stake);
        vm.deal(account, 1_000 ether);
        if (stake == 0) return;
        vm.prank(account);
        vault.stake(stake);
    }

    /// A requester, two providers, and verifiers whose weight counts.
    function settle(uint256 count) public {
        fund(requester(), FUNDS, 0);
        for (uint256 i = 0; i < 3; ++i) {
            fund(provider(i), 0, FUNDS);
        }
        for (uint256 i = 0; i < count; ++i) {
            fund(verifier(i), 0, 10_000 ether);
            vm.prank(verifier(i));
            verifiers.enroll(5_000 ether);
        }
        vm.warp(block.timestamp + 2 * PERIOD + 1);
        verifiers.applyChanges(count);
    }

    function credit(address account) public view returns (uint256) {
        return vault.getAccount(account).credit;
    }

    function stakeOf(address account) public view returns (uint256) {
        return vault.getAccount(account).stake;
    }

    function lockedOf(address account) public view returns (uint256) {
        return vault.getAccount(account).locked;
    }

    // Jobs ------------------------------------------------------------------------------------------------------------

    function standardCharges() public pure returns (Charges memory) {
        return Charges(500, 200, 1_000, 2_000, 4_000, 100 ether, 500 ether);
    }

    function standardTimes() public view returns (Times memory times) {
        times.bidding = 10;
        times.inclusion = 20;
        times.receipt = 60;
        times.audit = 120;
        times.answer = 60;
        times.window = 1 days;
        times.clock = 600;
        times.segmentTime = 120;
        times.stepTime = 60;
        times.moveTime = 30;
        times.deadline = uint64(block.timestamp + 10 days);
    }

    function standardSlice() public pure returns (Slice memory slice) {
        slice.initialFrom = GIVEN;
        slice.initialItem = bytes32(0);
        slice.steps = Counting.STEPS;
        slice.segmentLength = Counting.SEGMENT;
        slice.work = 100;
        slice.time = 1_000;
    }

    /// Counts from zero to five, `slices` times side by side.
    function standardPost(uint256 slices) public view returns (Post memory post) {
        bytes memory node = Counting.node();
        post.programs = new ProgramHeader[](1);
        post.programs[0] = Counting.task(node, 0).header;
        post.slices = new Slice[](slices);
        for (uint256 i = 0; i < slices; ++i) {
            post.slices[i] = standardSlice();
            post.slices[i].initialItem = Counting.item(0);
        }
        post.manifest = keccak256("manifest");
        post.ceiling = 1 ether;
        post.auditPrice = 1 ether;
        post.bond = uint128(disputes.minimumBond());
        post.auditRate = 2_500;
        post.auditors = 2;
        post.times = standardTimes();
    }

    function post(Post memory terms) public returns (uint256 job) {
        vm.prank(requester());
        return market.post(terms);
    }

    // Steps -----------------------------------------------------------------------------------------------------------

    function pass(uint256 time) public {
        vm.warp(block.timestamp + time);
    }

    function bidOf(uint256 job, uint256 key, uint256 price) public view returns (Bid memory bid) {
        bid.job = job;
        bid.account = vm.addr(key);
        bid.key = vm.addr(key);
        bid.pricePerUnit = uint128(price);
        bid.time = 1_000;
        bid.slices = 8;
        bid.expiry = uint64(block.timestamp + 30 days);
    }

    function signed(Bid memory bid, uint256 key) public view returns (bytes memory) {
        return sign(key, market.hashBid(bid));
    }

    function sign(uint256 key, bytes32 digest) public pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function assign(uint256 job, uint16 slice, uint256 key, uint256 price) public {
        Bid memory bid = bidOf(job, key, price);
        market.assign(job, slice, bid, signed(bid, key));
    }

    /// From the post to a provider that runs.
    function start(uint256 job, uint16 slice, uint256 key, uint256 price) public returns (bytes32 task) {
        IMarket.Progress memory progress = market.getProgress(job, slice);
        if (block.timestamp < progress.until) vm.warp(progress.until);
        assign(job, slice, key, price);
        vm.warp(market.getProgress(job, slice).firm);
        vm.prank(vm.addr(key));
        return market.receipt(job, slice, "");
    }

    function talliesOf(uint32[5] memory words) public pure returns (bytes32[] memory tallies) {
        tallies = new bytes32[](3);
        for (uint256 i = 0; i < 3; ++i) {
            tallies[i] = keccak256(abi.encode(words[i], i));
        }
    }

    function sealOf(bytes32 claim, bytes32[] memory tallies) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(audits), claim, bytes32("salt"), tallies));
    }

    /// Claims a history in Disputes and in the market.
    function claim(uint256 job, uint16 slice, uint256 key, uint32[5] memory words) public returns (bytes32 id) {
        IMarket.Progress memory progress = market.getProgress(job, slice);
        bytes32 root = Counting.root(words);
        uint256 bond = disputes.getTask(progress.task).bond;
        vm.prank(vm.addr(key), vm.addr(key));
        id = disputes.claim{value: bond}(progress.task, root);
        bytes32[] memory path = Counting.checkpointPath(words, 2);
        bytes32 state = Counting.tensor(words[4]);
        bytes32 seal = sealOf(id, talliesOf(words));
        vm.prank(vm.addr(key));
        market.claim(job, slice, root, state, 0, path, seal);
    }

    /// Verifiers 0 to `count` play the draw's round.
    function random(bytes32 id, uint256 count) public {
        uint256 round = audits.getAudit(id).round;
        (uint256 begin, uint256 half, uint256 end) = drawing.timesOf(round);
        vm.warp(begin);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 seal = drawing.seal(round, verifier(i), bytes32(i + 1));
            vm.prank(verifier(i));
            drawing.commit(round, seal);
        }
        vm.warp(half);
        for (uint256 i = 0; i < count; ++i) {
            drawing.reveal(round, verifier(i), bytes32(i + 1));
        }
        vm.warp(end);
    }

    function draw(bytes32 id, uint256 count) public {
        random(id, count);
        audits.draw(id);
    }

    function answerOf(bytes32 id, uint256 seat, uint32[5] memory words) public view returns (bytes32) {
        bytes32[] memory tallies = talliesOf(words);
        bytes memory chosen;
        for (uint256 s = 0; s < tallies.length; ++s) {
            if (audits.isAudited(id, seat, s)) chosen = abi.encodePacked(chosen, tallies[s]);
        }
        return keccak256(chosen);
    }

    function commit(bytes32 id, uint256 seat, uint32[5] memory words) public {
        address account = audits.getSeat(id, seat).account;
        bytes32 seal = keccak256(
            abi.encode(
                block.chainid, address(audits), id, seat, account, answerOf(id, seat, words), bytes32(seat + 100)
            )
        );
        vm.prank(account);
        audits.commit(id, seat, seal);
    }

    function open(bytes32 id, uint32[5] memory words) public {
        vm.prank(audits.getAudit(id).account);
        audits.open(id, "salt", talliesOf(words));
    }

    function reveal(bytes32 id, uint256 seat, uint32[5] memory words) public {
        bytes32 answer = answerOf(id, seat, words);
        vm.prank(audits.getSeat(id, seat).account);
        audits.reveal(id, seat, answer, bytes32(seat + 100));
    }

    /// An audit in which everyone says `words`.
    function audit(bytes32 id, uint256 count, uint32[5] memory words) public {
        draw(id, count);
        uint256 seats = audits.getAudit(id).seats;
        for (uint256 k = 0; k < seats; ++k) {
            commit(id, k, words);
        }
        open(id, words);
        for (uint256 k = 0; k < seats; ++k) {
            reveal(id, k, words);
        }
    }

    /// A challenge that nobody answers, or one that is played to the referee.
    function fell(bytes32 id, address challenger, bool played, uint32[5] memory words, uint256 step)
        public
        returns (uint256 number)
    {
        uint256 bond = disputes.getTask(disputes.getClaim(id).task).bond;
        vm.prank(challenger, challenger);
        number = disputes.challenge{value: bond}(id);
        if (!played) {
            pass(601);
            disputes.timeout(number);
            return number;
        }
        address claimant = disputes.getClaim(id).claimant;
        for (uint256 i = 0; i < 20; ++i) {
            IDisputes.Dispute memory game = disputes.getDispute(number);
            if (game.place.outcome != IDisputes.Outcome.Open) return number;
            bool own = game.place.turn == 0;
            bytes memory move =
                own ? Counting.post(disputes, number, words) : Counting.answer(disputes, number, words, step);
            vm.prank(own ? claimant : challenger, own ? claimant : challenger);
            (bool sent,) = address(disputes).call(move);
            assert(sent);
        }
    }
}
